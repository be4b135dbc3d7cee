# `kt dev` has made the gateway `dev` already and runs it; this takes it over instead of making a second one.
# Against a control plane that has no such gateway, delete this file.
import {
  to = keeptrusts_gateway.quickstart
  id = "name=dev"
}
