terraform {
  required_version = ">= 1.5"

  required_providers {
    keeptrusts = {
      source  = "keeptrusts/keeptrusts"
      version = "~> 1.0"
    }
  }
}

variable "keeptrusts_api_url" {
  description = "Address of the control plane."
  type        = string
}

variable "keeptrusts_api_key" {
  description = "API key with the role admin or editor: TF_VAR_keeptrusts_api_key, never a file."
  type        = string
  sensitive   = true
}

variable "webhooks" {
  description = "Endpoints that are told of events; see modules/keeptrusts-stack."
  type = map(object({
    url         = string
    event_types = set(string)
    description = optional(string)
    active      = optional(bool, true)
    format      = optional(string)
  }))
  default = {}
}

variable "labels" {
  description = "Labels of everything that can carry them."
  type        = map(string)
  default     = {}
}

provider "keeptrusts" {
  api_url = var.keeptrusts_api_url
  api_key = var.keeptrusts_api_key
}

# `terraform validate` knows no variable of a module; here it knows the document, and lints it
data "keeptrusts_policy_document" "policy" {
  policy_yaml = file("${path.module}/policies/dev.yaml")
}

module "keeptrusts" {
  source = "../../modules/keeptrusts-stack"

  environment        = "dev"
  keeptrusts_api_url = var.keeptrusts_api_url
  keeptrusts_api_key = var.keeptrusts_api_key
  policy_path        = "${path.module}/policies/dev.yaml"

  gateway  = {}
  labels   = var.labels
  webhooks = var.webhooks
}

output "configuration_id" {
  value = module.keeptrusts.configuration_id
}

output "content_digest" {
  value = module.keeptrusts.content_digest
}

output "gateway_id" {
  value = module.keeptrusts.gateway_id
}

output "gateway_environment" {
  value = module.keeptrusts.gateway_environment
}
