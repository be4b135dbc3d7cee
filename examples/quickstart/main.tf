terraform {
  required_version = ">= 1.5"

  required_providers {
    keeptrusts = {
      source  = "keeptrusts/keeptrusts"
      version = "~> 1.0"
    }
  }
}

variable "webhook_url" {
  description = "Who is told of blocked requests. Run a receiver there: kt webhook listen"
  type        = string
  default     = "http://127.0.0.1:8099/"
}

# Address and key come from KEEPTRUSTS_API_URL and KEEPTRUSTS_API_TOKEN, which `kt dev` writes into its --env-file.
provider "keeptrusts" {}

resource "keeptrusts_configuration" "quickstart" {
  name        = "quickstart"
  description = "A first policy"
  policy_yaml = file("${path.module}/policy-config.yaml")

  labels = {
    environment = "dev"
  }
}

resource "keeptrusts_gateway" "quickstart" {
  name             = "dev"
  environment      = "dev"
  configuration_id = keeptrusts_configuration.quickstart.id
}

resource "keeptrusts_webhook" "blocked" {
  url         = var.webhook_url
  description = "Blocked requests"
  event_types = ["event.blocked"]
}

output "configuration_id" {
  value = keeptrusts_configuration.quickstart.id
}

output "content_digest" {
  value = keeptrusts_configuration.quickstart.content_digest
}

output "gateway_id" {
  value = keeptrusts_gateway.quickstart.id
}

output "webhook_signing_secret" {
  value     = keeptrusts_webhook.blocked.signing_secret
  sensitive = true
}
