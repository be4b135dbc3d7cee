# Against a control plane that nobody depends on, such as `kt dev`:
#
#   TF_VAR_keeptrusts_api_url=http://127.0.0.1:8080 TF_VAR_keeptrusts_api_key=kt_... terraform test
#
# What it makes is deleted at the end.
provider "keeptrusts" {
  api_url = var.keeptrusts_api_url
  api_key = var.keeptrusts_api_key
}

variables {
  environment = "terraform-test"
  policy_path = "./tests/policy.yaml"
  gateway     = {}
  webhooks    = { siem = { url = "https://siem.example.com/in", event_types = ["event.*"] } }
}

run "made" {
  assert {
    condition     = output.configuration_version == 1 && output.policy_kinds == tolist(["prompt-injection", "token-limit"])
    error_message = "The control plane took the document."
  }

  assert {
    condition     = keeptrusts_gateway.main[0].desired_digest == output.content_digest
    error_message = "The gateway follows the configuration."
  }

  assert {
    condition     = output.gateway_environment.KEEPTRUSTS_GATEWAY_ID == output.gateway_id
    error_message = "The gateway's process is told which one it is."
  }

  assert {
    condition     = startswith(nonsensitive(output.webhook_signing_secrets["siem"]), "whsec_")
    error_message = "The receiver can check signatures."
  }
}

run "changed" {
  variables {
    policy_path      = "./tests/policy.yaml.tpl"
    policy_variables = { max_tokens = 100, blocked_topics = [], escalation_email = "a@example.com", retention_hours = 2 }
  }

  assert {
    condition     = output.configuration_version == 2 && output.configuration_id == run.made.configuration_id
    error_message = "Another document is the next version of the same configuration."
  }

  assert {
    condition     = output.content_digest != run.made.content_digest
    error_message = "Another meaning has another digest."
  }
}

run "spelled_otherwise" {
  command = plan

  variables {
    policy_path      = "./tests/policy.yaml.tpl"
    policy_variables = { max_tokens = 100, blocked_topics = [], escalation_email = "a@example.com", retention_hours = 2 }
  }

  assert {
    condition     = output.configuration_version == 2
    error_message = "Nothing changed, hence no new version."
  }
}
