output "url" {
  description = "Where programs in the cluster reach the gateway."
  value       = module.manifests.url
}

output "manifests" {
  description = "The objects, by a name for each."
  value       = module.manifests.manifests
}
