output "configuration_id" {
  description = "Id of the configuration."
  value       = keeptrusts_configuration.main.id
}

output "configuration_version" {
  description = "Version now current."
  value       = keeptrusts_configuration.main.version
}

output "content_digest" {
  description = "Digest of the document; a gateway that runs it reports the same one."
  value       = keeptrusts_configuration.main.content_digest
}

output "policy_kinds" {
  description = "Kinds of the chain, in order."
  value       = keeptrusts_configuration.main.policy_kinds
}

output "gateway_id" {
  description = "Id of the gateway; null when none was asked for."
  value       = one(keeptrusts_gateway.main[*].id)
}

output "gateway_environment" {
  description = "Environment of the gateway's process, but for its token (`kt gateway token create`); empty without a gateway."
  value = merge([
    for gateway in keeptrusts_gateway.main : {
      KEEPTRUSTS_API_URL    = var.keeptrusts_api_url
      KEEPTRUSTS_GATEWAY_ID = gateway.id
    }
  ]...)
}

output "webhook_ids" {
  description = "Ids of the webhooks by their names."
  value       = { for name, webhook in keeptrusts_webhook.main : name => webhook.id }
}

output "webhook_signing_secrets" {
  description = "Secrets with which receivers check signatures, by the webhooks' names."
  value       = { for name, webhook in keeptrusts_webhook.main : name => webhook.signing_secret }
  sensitive   = true
}
