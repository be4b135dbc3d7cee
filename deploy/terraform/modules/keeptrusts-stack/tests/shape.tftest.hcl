# What the module makes of its inputs, without a control plane: needs Terraform 1.7 or newer, as mock providers do.
mock_provider "keeptrusts" {}

variables {
  environment        = "qa"
  keeptrusts_api_url = "https://keeptrusts.example.com"
  keeptrusts_api_key = "kt_key_1_secret"
  policy_path        = "./tests/policy.yaml"
}

run "the_least_input" {
  command = plan

  assert {
    condition     = keeptrusts_configuration.main.name == "qa-policy" && keeptrusts_configuration.main.labels == tomap({ environment = "qa" })
    error_message = "The environment names the configuration and labels it."
  }

  assert {
    condition     = length(keeptrusts_gateway.main) == 0 && length(keeptrusts_webhook.main) == 0
    error_message = "What nobody asked for is not made."
  }

  assert {
    condition     = output.gateway_id == null && output.gateway_environment == {}
    error_message = "Without a gateway there is nothing to hand on."
  }
}

run "every_input" {
  command = plan

  variables {
    policy_path      = "./tests/policy.yaml.tpl"
    policy_variables = { max_tokens = 100, blocked_topics = ["a: b"], escalation_email = "a@example.com", retention_hours = 2 }
    description      = "for testers"
    labels           = { team = "qa", environment = "other" }
    gateway          = { name = "edge", description = "at the edge", fail_mode = "allow", canary_percent = 10 }
    webhooks         = { siem = { url = "https://siem.example.com/in", event_types = ["event.*"], active = false } }
  }

  assert {
    condition     = yamldecode(keeptrusts_configuration.main.policy_yaml).policy["token-limit"].max_tokens == 100
    error_message = "The template is filled in."
  }

  assert {
    condition     = keeptrusts_configuration.main.labels["environment"] == "qa"
    error_message = "A label of the caller's cannot rename the environment."
  }

  assert {
    condition     = keeptrusts_gateway.main[0].name == "edge" && keeptrusts_gateway.main[0].fail_mode == "allow" && keeptrusts_gateway.main[0].rollout.canary_percent == 10
    error_message = "The gateway is as asked for."
  }

  assert {
    condition     = keeptrusts_webhook.main["siem"].active == false && keeptrusts_webhook.main["siem"].event_types == toset(["event.*"])
    error_message = "The webhook is as asked for."
  }
}

run "an_empty_key" {
  command = plan
  variables {
    keeptrusts_api_key = "  "
  }
  expect_failures = [var.keeptrusts_api_key]
}

run "a_token_of_a_gateway" {
  command = plan
  variables {
    keeptrusts_api_key = "kt_gw_1_secret"
  }
  expect_failures = [var.keeptrusts_api_key]
}

run "a_url_with_a_path" {
  command = plan
  variables {
    keeptrusts_api_url = "https://keeptrusts.example.com/v1"
  }
  expect_failures = [var.keeptrusts_api_url]
}

run "an_environment_that_is_no_name" {
  command = plan
  variables {
    environment = "Q A"
  }
  expect_failures = [var.environment]
}
