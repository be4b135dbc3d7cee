output "task_definition_arn" {
  description = "The revision that the service runs."
  value       = aws_ecs_task_definition.gateway.arn
}

output "service_name" {
  description = "Name of the service."
  value       = aws_ecs_service.gateway.name
}

output "log_group_name" {
  description = "Where the gateway's logs are."
  value       = aws_cloudwatch_log_group.gateway.name
}

output "token_secret_arn" {
  description = "The secret to put the gateway's token into."
  value       = local.token_secret
}

output "container_definition" {
  description = "The container as ECS got it."
  value       = module.container.definition
}
