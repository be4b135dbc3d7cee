variable "environment" {
  description = "What the stack governs: `dev`, `staging`, `production`, ... It names the configuration and the gateway."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.environment))
    error_message = "The environment is 1-63 lower-case letters, digits and inner hyphens."
  }
}

variable "keeptrusts_api_url" {
  description = "Address of the control plane, without a path. Handed on in `gateway_environment`."
  type        = string

  validation {
    condition     = can(regex("^https?://[^/?#]+/?$", var.keeptrusts_api_url))
    error_message = "The API URL is like https://keeptrusts.example.com, without a path."
  }
}

# A module with a provider block of its own could be neither counted nor removed, so the root configures the provider
# and this key is only checked: a gateway's token in its place would fail at apply, half-way through.
variable "keeptrusts_api_key" {
  description = "The API key that the root module's provider block uses. It is checked here and stored nowhere."
  type        = string
  sensitive   = true

  validation {
    condition     = trimspace(var.keeptrusts_api_key) != "" && !startswith(var.keeptrusts_api_key, "kt_gw_")
    error_message = "An API key is needed, not an empty text and not a gateway's token. Make one: kt token create."
  }
}

variable "policy_path" {
  description = "File of the policy document; a template when `policy_variables` is set."
  type        = string
}

variable "policy_variables" {
  description = "Values for a policy template such as `policies/base-policy.yaml.tpl`. Null: the file is taken as it is."
  type = object({
    max_tokens       = number
    blocked_topics   = list(string)
    escalation_email = string
    retention_hours  = number
  })
  default = null
}

variable "description" {
  description = "Description of the configuration. Null: one is made from the environment's name."
  type        = string
  default     = null
}

variable "labels" {
  description = "Labels of the configuration and the gateway, beside `environment`."
  type        = map(string)
  default     = {}
}

variable "gateway" {
  description = "A gateway that follows the configuration. Null: none is made."
  type = object({
    name           = optional(string)
    description    = optional(string)
    fail_mode      = optional(string, "block")
    canary_percent = optional(number)
  })
  default = null
}

variable "webhooks" {
  description = "Endpoints that are told of events, by a name of your choice."
  type = map(object({
    url         = string
    event_types = set(string)
    description = optional(string)
    active      = optional(bool, true)
    format      = optional(string)
  }))
  default = {}
}
