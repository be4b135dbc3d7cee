variables {
  image              = "registry.example.com/keeptrusts/gateway:1.0.0"
  keeptrusts_api_url = "https://keeptrusts.example.com"
  token_secret       = { name = "keeptrusts-gateway" }
}

run "the_least_input" {
  command = apply

  assert {
    condition     = sort([for one in output.manifests : one.kind]) == tolist(["NetworkPolicy", "PodDisruptionBudget", "Service", "ServiceAccount", "StatefulSet"])
    error_message = "Five objects."
  }

  assert {
    condition     = alltrue([for one in output.manifests : one.metadata.namespace == "keeptrusts" && one.metadata.name == "keeptrusts-gateway"])
    error_message = "All in one namespace, under one name."
  }

  assert {
    condition = output.manifests.stateful_set.spec.template.spec.containers[0].env == [
      { name = "KEEPTRUSTS_API_URL", value = "https://keeptrusts.example.com" },
      { name = "KEEPTRUSTS_GATEWAY_TOKEN", valueFrom = { secretKeyRef = { name = "keeptrusts-gateway", key = "token" } } },
    ]
    error_message = "The token comes by reference."
  }

  assert {
    condition = (
      output.manifests.stateful_set.spec.template.spec.securityContext.runAsNonRoot
      && output.manifests.stateful_set.spec.template.spec.containers[0].securityContext.readOnlyRootFilesystem
      && !output.manifests.stateful_set.spec.template.spec.automountServiceAccountToken
    )
    error_message = "Not root, read-only, without the cluster's token."
  }

  assert {
    condition     = output.manifests.stateful_set.spec.template.spec.terminationGracePeriodSeconds > 5 + 30
    error_message = "Draining and the wait before it fit into the grace period."
  }

  assert {
    condition     = [for one in output.manifests.network_policy.spec.egress[1].ports : one.port] == [443]
    error_message = "Out goes TLS, to the control plane and the providers."
  }

  assert {
    condition     = output.manifests.service.spec.selector == output.manifests.stateful_set.spec.selector.matchLabels && output.url == "http://keeptrusts-gateway.keeptrusts.svc:41002"
    error_message = "The Service finds the pods."
  }

  assert {
    condition     = length([for one in split("---\n", output.yaml) : yamldecode(one) if one != ""]) == 5
    error_message = "The YAML stream holds every object."
  }
}

run "every_input" {
  command = apply

  variables {
    name               = "edge"
    namespace          = "ai"
    keeptrusts_api_url = "http://control.keeptrusts.svc:8080"
    gateway_id         = "gw_0123456789abcdef"
    token_secret       = { name = "edge", key = "gateway" }
    secrets            = { OPENAI_API_KEY = { name = "openai", key = "api-key" } }
    variables          = { KEEPTRUSTS_REDIS_URL = "redis://redis:6379" }
    replicas           = 3
    port               = 8443
    drain_seconds      = 60
    spool              = { size_gib = 20, storage_class = "fast" }
    resources          = { requests = { cpu = "2" }, limits = { memory = "2Gi" } }
    allow_from         = [{ team = "support" }, { team = "sales" }]
    egress_ports       = [443, 6379]
    labels             = { team = "platform", "app.kubernetes.io/instance" = "other" }
  }

  assert {
    condition     = output.manifests.stateful_set.spec.volumeClaimTemplates[0].spec.storageClassName == "fast"
    error_message = "The storage class arrives."
  }

  assert {
    condition     = contains(output.manifests.stateful_set.spec.template.spec.containers[0].args, "19327352832")
    error_message = "The spool refuses before its volume is full."
  }

  assert {
    condition     = [for one in output.manifests.network_policy.spec.egress[1].ports : one.port] == [443, 6379, 8080]
    error_message = "The control plane's port comes from its URL."
  }

  assert {
    condition     = length(output.manifests.network_policy.spec.ingress[0].from) == 2
    error_message = "Each set of labels is one source."
  }

  assert {
    condition     = output.manifests.service.metadata.labels == { team = "platform", "app.kubernetes.io/name" = "keeptrusts-gateway", "app.kubernetes.io/instance" = "edge" }
    error_message = "A label of the caller's cannot take the selector's place."
  }
}

run "a_spool_that_ends_with_the_pod" {
  command = apply

  variables {
    spool = null
  }

  assert {
    condition     = !contains(keys(output.manifests.stateful_set.spec), "volumeClaimTemplates") && output.manifests.stateful_set.spec.template.spec.volumes[1].name == "spool"
    error_message = "An emptyDir in place of a claim."
  }
}

run "no_pods" {
  command = plan
  variables {
    replicas = 0
  }
  expect_failures = [var.replicas]
}

run "a_name_that_kubernetes_does_not_take" {
  command = plan
  variables {
    name = "Edge_1"
  }
  expect_failures = [var.name]
}
