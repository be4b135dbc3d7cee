output "definition" {
  description = "The container as ECS describes it; `jsonencode([module.x.definition])` are `container_definitions`."
  value       = local.definition
}

output "command" {
  description = "Arguments of `kt`."
  value       = local.command
}

output "environment" {
  description = "Variables of the process that are no secrets."
  value       = local.environment
}

output "secrets" {
  description = "Variables of the process by the reference to their value."
  value       = var.secrets
}

output "health_check" {
  description = "How ECS asks whether the process is well."
  value       = local.definition.healthCheck
}

output "port" {
  description = "Port it serves on."
  value       = var.port
}

output "spool_path" {
  description = "Where a volume has to be mounted."
  value       = var.spool_path
}

output "stop_seconds" {
  description = "Seconds from the signal to stop until it may be killed."
  value       = local.stop_seconds
}
