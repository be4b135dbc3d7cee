variables {
  image              = "registry.example.com/keeptrusts/gateway:1.0.0"
  keeptrusts_api_url = "https://keeptrusts.example.com"
  gateway_id         = "gw_0123456789abcdef"
  secrets            = { KEEPTRUSTS_GATEWAY_TOKEN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:token" }
}

run "a_managed_gateway" {
  command = plan

  assert {
    condition = output.command == [
      "gateway", "run", "--listen", "0.0.0.0:41002", "--fail-mode", "block", "--spool-dir", "/var/lib/keeptrusts",
      "--spool-max-bytes", "1073741824", "--drain-seconds", "30",
    ]
    error_message = "The command differs."
  }

  assert {
    condition = output.definition.environment == [
      { name = "KEEPTRUSTS_API_URL", value = "https://keeptrusts.example.com" },
      { name = "KEEPTRUSTS_GATEWAY_ID", value = "gw_0123456789abcdef" },
    ]
    error_message = "The environment says where the control plane is, and which gateway this is."
  }

  assert {
    condition = output.definition.secrets == [{
      name      = "KEEPTRUSTS_GATEWAY_TOKEN"
      valueFrom = "arn:aws:secretsmanager:us-east-1:123456789012:secret:token"
    }]
    error_message = "The token comes by reference."
  }

  assert {
    condition     = output.health_check.command[1] == "curl -f http://localhost:41002/health || exit 1"
    error_message = "The health check asks the port that is served."
  }

  assert {
    condition     = output.definition.readonlyRootFilesystem && output.definition.user == "10001:10001"
    error_message = "Not root, and nothing of the image can be changed."
  }

  assert {
    condition     = output.definition.stopTimeout == 40 && !contains(keys(output.definition), "logConfiguration")
    error_message = "Killed ten seconds after draining; no log driver that nobody asked for."
  }
}

run "every_input" {
  command = plan

  variables {
    name               = "edge"
    image              = "registry.example.com:5000/gateway@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    gateway_id         = null
    port               = 8443
    policy_config_path = "/etc/keeptrusts/policy-config.yaml"
    fail_mode          = "allow"
    drain_seconds      = 110
    spool_path         = "/spool"
    spool_max_bytes    = 17179869184
    environment        = { ZONE = "b", KEEPTRUSTS_API_URL = "https://other.example.com", A = "first" }
    secrets            = { OPENAI_API_KEY = "arn:openai", KEEPTRUSTS_API_TOKEN = "arn:token" }
    log_configuration  = { logDriver = "awslogs", options = { "awslogs-group" = "/keeptrusts/gateway" } }
  }

  assert {
    condition = output.command == [
      "gateway", "run", "--listen", "0.0.0.0:8443", "--policy-config", "/etc/keeptrusts/policy-config.yaml",
      "--fail-mode", "allow", "--spool-dir", "/spool", "--spool-max-bytes", "17179869184", "--drain-seconds", "110",
    ]
    error_message = "Each input has its option, and no number is written with an exponent."
  }

  assert {
    condition     = [for one in output.definition.environment : one.name] == ["A", "KEEPTRUSTS_API_URL", "ZONE"]
    error_message = "Sorted, and without an id that was not given."
  }

  assert {
    condition     = [for one in output.definition.secrets : one.valueFrom] == ["arn:token", "arn:openai"]
    error_message = "Secrets are sorted by name."
  }

  assert {
    condition     = output.definition.mountPoints[0].containerPath == output.spool_path && output.definition.portMappings[0].containerPort == 8443
    error_message = "Volume and port follow the inputs."
  }

  assert {
    condition     = output.definition.stopTimeout <= 120 && output.definition.logConfiguration.logDriver == "awslogs"
    error_message = "Fargate takes at most 120 seconds."
  }
}

run "an_image_without_a_version" {
  command = plan
  variables {
    image = "registry.example.com:5000/keeptrusts/gateway"
  }
  expect_failures = [var.image]
}

run "the_latest_image" {
  command = plan
  variables {
    image = "keeptrusts/gateway:latest"
  }
  expect_failures = [var.image]
}

run "a_credential_in_the_open" {
  command = plan
  variables {
    environment = { KEEPTRUSTS_GATEWAY_TOKEN = "x" }
  }
  expect_failures = [var.environment]
}

run "a_value_in_place_of_a_reference" {
  command = plan
  variables {
    secrets = { KEEPTRUSTS_GATEWAY_TOKEN = "kt_gw_1_secret" }
  }
  expect_failures = [var.secrets]
}

run "no_token" {
  command = plan
  variables {
    secrets = { OPENAI_API_KEY = "arn:openai" }
  }
  expect_failures = [var.secrets]
}

run "numbers_and_names_out_of_range" {
  command = plan
  variables {
    gateway_id      = "production-gateway"
    port            = 80
    fail_mode       = "open"
    drain_seconds   = 111
    spool_path      = "/"
    spool_max_bytes = 1000
  }
  expect_failures = [
    var.gateway_id, var.port, var.fail_mode, var.drain_seconds, var.spool_path, var.spool_max_bytes,
  ]
}

run "a_url_with_a_path" {
  command = plan
  variables {
    keeptrusts_api_url = "https://keeptrusts.example.com/v1"
  }
  expect_failures = [var.keeptrusts_api_url]
}
