resource "keeptrusts_configuration" "main" {
  name        = "${var.environment}-policy"
  description = coalesce(var.description, "AI governance policy of ${var.environment}")

  policy_yaml = (
    var.policy_variables == null
    ? file(var.policy_path)
    : templatefile(var.policy_path, var.policy_variables)
  )

  labels = merge(var.labels, { environment = var.environment })
}

resource "keeptrusts_gateway" "main" {
  count = var.gateway == null ? 0 : 1

  name             = coalesce(var.gateway.name, "${var.environment}-gateway")
  description      = var.gateway.description
  environment      = var.environment
  configuration_id = keeptrusts_configuration.main.id
  fail_mode        = var.gateway.fail_mode
  labels           = merge(var.labels, { environment = var.environment })

  dynamic "rollout" {
    for_each = var.gateway.canary_percent == null ? [] : [var.gateway.canary_percent]

    content {
      strategy       = "canary"
      canary_percent = rollout.value
    }
  }
}

resource "keeptrusts_webhook" "main" {
  for_each = var.webhooks

  url         = each.value.url
  description = each.value.description
  event_types = each.value.event_types
  active      = each.value.active
  format      = each.value.format
}
