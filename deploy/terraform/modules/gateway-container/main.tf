# What a gateway's container is, wherever it runs. There is no provider and no resource here, so that all of it can be
# tested without an account: `terraform test`.

locals {
  # ENTRYPOINT of the image is `kt`.
  command = concat(
    ["gateway", "run", "--listen", "0.0.0.0:${var.port}"],
    var.policy_config_path == null ? [] : ["--policy-config", var.policy_config_path],
    [
      "--fail-mode", var.fail_mode,
      "--spool-dir", var.spool_path,
      "--spool-max-bytes", format("%d", var.spool_max_bytes),
      "--drain-seconds", tostring(var.drain_seconds),
    ],
  )

  environment = merge(
    { KEEPTRUSTS_API_URL = var.keeptrusts_api_url },
    var.gateway_id == null ? {} : { KEEPTRUSTS_GATEWAY_ID = var.gateway_id },
    var.environment,
  )

  # Seconds until the container is killed: draining, and time to write down what was answered last.
  stop_seconds = ceil(var.drain_seconds) + 10

  definition = merge(
    {
      name      = var.name
      image     = var.image
      essential = true
      command   = local.command
      user      = "10001:10001"

      readonlyRootFilesystem = true
      linuxParameters        = { initProcessEnabled = true, capabilities = { drop = ["ALL"] } }
      stopTimeout            = local.stop_seconds

      portMappings = [{ containerPort = var.port, protocol = "tcp" }]
      mountPoints = [
        { sourceVolume = "spool", containerPath = var.spool_path, readOnly = false },
        { sourceVolume = "tmp", containerPath = "/tmp", readOnly = false },
      ]

      # Sorted by name, so that the same input is the same text and no new revision.
      environment = [for name in sort(keys(local.environment)) : { name = name, value = local.environment[name] }]
      secrets     = [for name in sort(keys(var.secrets)) : { name = name, valueFrom = var.secrets[name] }]

      healthCheck = {
        command     = ["CMD-SHELL", "curl -f http://localhost:${var.port}/health || exit 1"]
        interval    = 30
        timeout     = 5
        retries     = 3
        startPeriod = 10
      }
    },
    var.log_configuration == null ? {} : { logConfiguration = var.log_configuration },
  )
}
