module "manifests" {
  source = "../gateway-manifests"

  name               = var.name
  namespace          = var.namespace
  image              = var.image
  keeptrusts_api_url = var.keeptrusts_api_url
  gateway_id         = var.gateway_id
  token_secret       = var.token_secret
  secrets            = var.secrets
  variables          = var.variables
  replicas           = var.replicas
  port               = var.port
  drain_seconds      = var.drain_seconds
  spool              = var.spool
  resources          = var.resources
  allow_from         = var.allow_from
  egress_ports       = var.egress_ports
  labels             = var.labels
}

resource "kubernetes_manifest" "gateway" {
  for_each = module.manifests.manifests

  manifest = each.value

  # An apply is done when the pods are ready.
  dynamic "wait" {
    for_each = each.value.kind == "StatefulSet" ? [true] : []

    content {
      rollout = true
    }
  }

  timeouts {
    create = "10m"
    update = "10m"
  }
}
