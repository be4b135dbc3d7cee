resource "kubernetes_manifest" "gateway" {
  for_each = var.manifests

  manifest = each.value

  # An apply is done when the pods are ready.
  dynamic "wait" {
    for_each = each.value.kind == "StatefulSet" ? [true] : []

    content {
      rollout = true
    }
  }

  timeouts {
    create = var.timeout
    update = var.timeout
  }
}
