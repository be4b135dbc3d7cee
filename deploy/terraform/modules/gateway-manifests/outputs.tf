output "manifests" {
  description = "The objects, by a name for each."
  value       = local.manifests
}

output "yaml" {
  description = "The same as one YAML stream, for `kubectl apply -f -` or a repository that a cluster follows."
  value       = join("", [for name in sort(keys(local.manifests)) : "---\n${yamlencode(local.manifests[name])}"])
}

output "url" {
  description = "Where programs in the cluster reach the gateway."
  value       = "http://${var.name}.${var.namespace}.svc:${var.port}"
}
