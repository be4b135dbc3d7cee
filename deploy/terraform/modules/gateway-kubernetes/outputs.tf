output "objects" {
  description = "Kind and name of what was applied, by the names that gateway-manifests gave."
  value       = { for name, one in kubernetes_manifest.gateway : name => "${one.manifest.kind}/${one.manifest.metadata.name}" }
}
