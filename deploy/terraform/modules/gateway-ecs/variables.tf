variable "environment" {
  description = "`dev`, `staging`, `production`, ...; part of every name."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$", var.environment))
    error_message = "The environment is 1-32 lower-case letters, digits and inner hyphens."
  }
}

variable "kt_version" {
  description = "Version of the image, as in 1.0.0."
  type        = string
}

variable "image_repository" {
  description = "Where the image is, without a version. Its entry point is `kt`, it has curl, and user 10001 owns /var/lib/keeptrusts."
  type        = string
  default     = "keeptrusts/gateway"
}

variable "keeptrusts_api_url" {
  description = "Address of the control plane, without a path."
  type        = string
}

variable "gateway_id" {
  description = "Id of the `keeptrusts_gateway`: the output `gateway_id` of keeptrusts-stack."
  type        = string
}

variable "cluster_arn" {
  description = "ECS cluster that runs the service."
  type        = string
}

variable "aws_region" {
  description = "Region of the log group."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets of the tasks; two zones or more for a gateway that has to be there."
  type        = set(string)
}

variable "security_group_ids" {
  description = "Security groups of the tasks: in, the port from the callers; out, 443 to the control plane and the providers."
  type        = set(string)
}

variable "assign_public_ip" {
  description = "Needed in a public subnet without a NAT gateway."
  type        = bool
  default     = false
}

variable "target_group_arn" {
  description = "Target group (type `ip`) of a load balancer that asks `/readyz`. Null: none."
  type        = string
  default     = null
}

variable "desired_count" {
  description = "How many tasks."
  type        = number
  default     = 2
}

variable "cpu" {
  description = "CPU units of a task."
  type        = number
  default     = 512
}

variable "memory" {
  description = "MiB of a task."
  type        = number
  default     = 1024
}

variable "token_secret_arn" {
  description = "A secret that holds the gateway's token. Null: an empty one is made, to be filled outside of the state."
  type        = string
  default     = null
}

variable "secrets" {
  description = "Further variables of the process by the ARN of their secret, such as OPENAI_API_KEY."
  type        = map(string)
  default     = {}
}

variable "variables" {
  description = "Further variables of the process that are no secrets."
  type        = map(string)
  default     = {}
}

variable "spool_file_system" {
  description = "EFS for the records that are not shipped yet. Null: they live and die with the task."
  type = object({
    file_system_id  = string
    access_point_id = string
  })
  default = null
}

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
  default     = 30
}

variable "tags" {
  description = "Tags of everything."
  type        = map(string)
  default     = {}
}
