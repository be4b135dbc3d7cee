# A policy document for every environment, filled in by Terraform:
#
#   templatefile("base-policy.yaml.tpl", { max_tokens, blocked_topics, escalation_email, retention_hours })
#
# Each value goes through jsonencode, and JSON is YAML: no quote, colon or line break in a value can add a key.
pack:
  name: base-policy
  version: 1.0.0
  enabled: true

policies:
  chain:
    - human-oversight # before the redactions: it judges the answer as the model gave it
    - prompt-injection
    - secret-scanner
    - pii-detector
    - topic-filter
    - token-limit
    - audit-logger

policy:
  prompt-injection:
    response:
      action: block

  secret-scanner:
    action: redact

  pii-detector:
    action: redact

  # What nobody may ask about or be told: phrases, in any case.
  topic-filter:
    blocked_topics: ${jsonencode(blocked_topics)}

  # The longest answer that a client may ask for, in tokens; a larger wish is lowered to it.
  token-limit:
    max_tokens: ${jsonencode(tonumber(max_tokens))}

  # Answers of these categories wait for a person; this is whose.
  human-oversight:
    require_human_for: [health, financial]
    default_assignee: ${jsonencode(escalation_email)}

  # How long the control plane keeps the record of a request.
  audit-logger:
    retention_hours: ${jsonencode(tonumber(retention_hours))}

providers:
  targets:
    - id: openai
      provider: openai
      secret_key_ref:
        env: OPENAI_API_KEY
