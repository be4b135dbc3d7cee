variable "name" {
  description = "Name of the container."
  type        = string
  default     = "kt-gateway"
}

variable "image" {
  description = "Image with a version or, better, a digest: `registry.example.com/keeptrusts/gateway@sha256:...`."
  type        = string

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image)) || can(regex("^[^@]*:[A-Za-z0-9_][A-Za-z0-9_.-]*$", var.image)) && !endswith(var.image, ":latest")
    error_message = "The image needs a version or a digest; `latest` is neither."
  }
}

variable "keeptrusts_api_url" {
  description = "Address of the control plane, without a path."
  type        = string

  validation {
    condition     = can(regex("^https?://[^/?#]+/?$", var.keeptrusts_api_url))
    error_message = "The API URL is like https://keeptrusts.example.com, without a path."
  }
}

variable "gateway_id" {
  description = "Id of the `keeptrusts_gateway` that the process is. Null: its token says it."
  type        = string
  default     = null

  validation {
    condition     = var.gateway_id == null || can(regex("^gw_[0-9A-Za-z_-]+$", var.gateway_id))
    error_message = "A gateway's id begins with gw_; take the output `gateway_id` of keeptrusts-stack."
  }
}

variable "port" {
  description = "Port to serve on."
  type        = number
  default     = 41002

  validation {
    condition     = var.port >= 1024 && var.port <= 65535 && floor(var.port) == var.port
    error_message = "The port is a whole number from 1024 to 65535: the process is not root."
  }
}

variable "policy_config_path" {
  description = "A policy document inside the container, for a gateway without a managed configuration. Null: the control plane says what is enforced."
  type        = string
  default     = null
}

variable "fail_mode" {
  description = "What a policy that fails means: `block` or `allow`."
  type        = string
  default     = "block"

  validation {
    condition     = contains(["block", "allow"], var.fail_mode)
    error_message = "The fail mode is block or allow."
  }
}

variable "drain_seconds" {
  description = "How long requests in flight may take after the container was told to stop."
  type        = number
  default     = 30

  validation {
    condition     = var.drain_seconds >= 0 && var.drain_seconds <= 110
    error_message = "Draining takes 0 to 110 seconds: Fargate kills a container 120 seconds after it was told to stop."
  }
}

variable "spool_path" {
  description = "Folder of the records that are not shipped yet; a volume is mounted there."
  type        = string
  default     = "/var/lib/keeptrusts"

  validation {
    condition     = startswith(var.spool_path, "/") && var.spool_path != "/"
    error_message = "The spool's folder is an absolute path, and not the root."
  }
}

variable "spool_max_bytes" {
  description = "Most that records may take; keep it below the size of the volume."
  type        = number
  default     = 1073741824

  validation {
    condition     = var.spool_max_bytes >= 65536 && floor(var.spool_max_bytes) == var.spool_max_bytes
    error_message = "The spool has at least 65536 bytes."
  }
}

variable "environment" {
  description = "Further variables of the process that are no secrets."
  type        = map(string)
  default     = {}

  validation {
    condition = length(setintersection(keys(var.environment), [
      "KEEPTRUSTS_GATEWAY_TOKEN", "KEEPTRUSTS_API_TOKEN", "KEEPTRUSTS_API_KEY", "KEEPTRUSTS_ADMIN_TOKEN",
    ])) == 0
    error_message = "A credential goes into `secrets`, by reference."
  }
}

variable "secrets" {
  description = "Variables of the process by the reference to their value, such as the ARN of a secret; `KEEPTRUSTS_GATEWAY_TOKEN` is needed."
  type        = map(string)

  validation {
    condition     = length(setintersection(keys(var.secrets), ["KEEPTRUSTS_GATEWAY_TOKEN", "KEEPTRUSTS_API_TOKEN"])) == 1
    error_message = "The gateway's token is needed once, as KEEPTRUSTS_GATEWAY_TOKEN or as KEEPTRUSTS_API_TOKEN."
  }

  validation {
    condition     = alltrue([for reference in values(var.secrets) : !can(regex("^(kt_|sk-)", reference))])
    error_message = "A secret is given by reference (an ARN), not by its value."
  }
}

variable "log_configuration" {
  description = "`logDriver` and `options` of ECS. Null: the default of the cluster."
  type = object({
    logDriver = string
    options   = optional(map(string), {})
  })
  default = null
}
