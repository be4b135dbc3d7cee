locals {
  name         = "keeptrusts-gateway-${var.environment}"
  token_secret = var.token_secret_arn == null ? aws_secretsmanager_secret.token[0].arn : var.token_secret_arn
  secrets      = merge(var.secrets, { KEEPTRUSTS_GATEWAY_TOKEN = local.token_secret })
}

module "container" {
  source = "../gateway-container"

  image              = "${var.image_repository}:${var.kt_version}"
  keeptrusts_api_url = var.keeptrusts_api_url
  gateway_id         = var.gateway_id
  environment        = var.variables
  secrets            = local.secrets

  log_configuration = {
    logDriver = "awslogs"
    options = {
      "awslogs-group"         = aws_cloudwatch_log_group.gateway.name
      "awslogs-region"        = var.aws_region
      "awslogs-stream-prefix" = "gateway"
    }
  }
}

resource "aws_cloudwatch_log_group" "gateway" {
  name              = "/keeptrusts/${local.name}"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

# Only the box: what is in it never passes through Terraform, hence is in no plan and no state.
resource "aws_secretsmanager_secret" "token" {
  count = var.token_secret_arn == null ? 1 : 0

  name        = "${local.name}/token"
  description = "Token with which the gateway speaks to the control plane."
  tags        = var.tags
}

resource "aws_ecs_task_definition" "gateway" {
  family                   = local.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  container_definitions    = jsonencode([module.container.definition])
  tags                     = var.tags

  volume {
    name = "tmp"
  }

  volume {
    name = "spool"

    dynamic "efs_volume_configuration" {
      for_each = var.spool_file_system == null ? [] : [var.spool_file_system]

      content {
        file_system_id     = efs_volume_configuration.value.file_system_id
        transit_encryption = "ENABLED"

        authorization_config {
          access_point_id = efs_volume_configuration.value.access_point_id
          iam             = "ENABLED"
        }
      }
    }
  }
}

resource "aws_ecs_service" "gateway" {
  name            = local.name
  cluster         = var.cluster_arn
  task_definition = aws_ecs_task_definition.gateway.arn
  desired_count   = var.desired_count
  launch_type     = "FARGATE"
  propagate_tags  = "SERVICE"
  tags            = var.tags

  # Two tasks cannot write one spool: with EFS the old task ends before the new one begins.
  deployment_minimum_healthy_percent = var.spool_file_system == null ? 100 : 0
  deployment_maximum_percent         = var.spool_file_system == null ? 200 : 100

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = var.security_group_ids
    assign_public_ip = var.assign_public_ip
  }

  dynamic "load_balancer" {
    for_each = var.target_group_arn == null ? [] : [var.target_group_arn]

    content {
      target_group_arn = load_balancer.value
      container_name   = module.container.definition.name
      container_port   = module.container.port
    }
  }

  depends_on = [aws_iam_role_policy.secrets, aws_iam_role_policy_attachment.execution]

  lifecycle {
    precondition {
      condition     = var.spool_file_system == null || var.desired_count <= 1
      error_message = "A spool has one writer: with `spool_file_system` the service runs one task (`desired_count = 1`)."
    }
  }
}
