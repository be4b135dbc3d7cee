pack:
  name: test-policy
  version: 1.0.0
  enabled: true

policies:
  chain: [human-oversight, topic-filter, token-limit, audit-logger]

policy:
  human-oversight:
    require_human_for: [health]
    default_assignee: ${jsonencode(escalation_email)}
  topic-filter:
    blocked_topics: ${jsonencode(blocked_topics)}
  token-limit:
    max_tokens: ${jsonencode(tonumber(max_tokens))}
  audit-logger:
    retention_hours: ${jsonencode(tonumber(retention_hours))}

providers:
  targets:
    - id: mock
      provider: mock
