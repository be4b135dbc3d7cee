keeptrusts_api_url = "http://127.0.0.1:8080" # where `kt dev` listens

labels = {
  team = "platform"
}
