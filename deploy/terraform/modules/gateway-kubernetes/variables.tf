variable "name" {
  description = "Name of every object."
  type        = string
  default     = "keeptrusts-gateway"

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,50}[a-z0-9])?$", var.name))
    error_message = "The name is 1-52 lower-case letters, digits and inner hyphens."
  }
}

variable "namespace" {
  description = "Namespace of every object; it has to exist."
  type        = string
  default     = "keeptrusts"
}

variable "image" {
  description = "Image with a version or a digest."
  type        = string
}

variable "keeptrusts_api_url" {
  description = "Address of the control plane, without a path."
  type        = string
}

variable "gateway_id" {
  description = "Id of the `keeptrusts_gateway`. Null: the token says it."
  type        = string
  default     = null
}

variable "token_secret" {
  description = "The Secret and the key in it that hold the gateway's token."
  type = object({
    name = string
    key  = optional(string, "token")
  })
}

variable "secrets" {
  description = "Further variables of the process by the Secret and key that hold their value, such as OPENAI_API_KEY."
  type = map(object({
    name = string
    key  = string
  }))
  default = {}
}

variable "variables" {
  description = "Further variables of the process that are no secrets."
  type        = map(string)
  default     = {}
}

variable "replicas" {
  description = "How many pods."
  type        = number
  default     = 2

  validation {
    condition     = var.replicas >= 1 && floor(var.replicas) == var.replicas
    error_message = "At least one pod runs."
  }
}

variable "port" {
  description = "Port that the pods and the Service have."
  type        = number
  default     = 41002
}

variable "drain_seconds" {
  description = "How long requests in flight may take after a pod was told to stop."
  type        = number
  default     = 30
}

variable "spool" {
  description = "Volume for the records that are not shipped yet, one for each pod. Null: an emptyDir, which ends with the pod."
  type = object({
    size_gib      = optional(number, 2)
    storage_class = optional(string)
  })
  default = {}
}

variable "resources" {
  description = "What a pod gets."
  type = object({
    requests = optional(map(string), { cpu = "500m", memory = "512Mi" })
    limits   = optional(map(string), { memory = "1Gi" })
  })
  default = {}
}

variable "allow_from" {
  description = "Labels of namespaces whose pods may call the gateway. Empty: those of its own namespace."
  type        = list(map(string))
  default     = []
}

variable "egress_ports" {
  description = "TCP ports the pods may reach, beside DNS and the control plane's."
  type        = set(number)
  default     = [443]
}

variable "labels" {
  description = "Labels of every object."
  type        = map(string)
  default     = {}
}
