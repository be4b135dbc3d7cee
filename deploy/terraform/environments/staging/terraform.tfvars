keeptrusts_api_url = "https://keeptrusts-staging.example.com" # your control plane

labels = {
  team = "platform"
}

# webhooks = {
#   slack_alerts = {
#     url         = "https://hooks.slack.com/services/..."
#     description = "Slack alerts for policy violations"
#     event_types = ["event.blocked", "escalation.created"]
#   }
#   siem_forwarder = {
#     url         = "https://siem.example.com/keeptrusts"
#     description = "Forward all events to SIEM"
#     event_types = ["event.*"]
#   }
# }
