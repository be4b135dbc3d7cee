variable "manifests" {
  description = "The objects: the output `manifests` of gateway-manifests."
  type        = any # of different kinds, hence of different types

  validation {
    condition     = alltrue([for one in values(var.manifests) : can([one.apiVersion, one.kind, one.metadata.name])])
    error_message = "Each object has apiVersion, kind and metadata.name; take the output `manifests` of gateway-manifests."
  }
}

variable "timeout" {
  description = "How long an object may take, the pods' start included."
  type        = string
  default     = "10m"
}
