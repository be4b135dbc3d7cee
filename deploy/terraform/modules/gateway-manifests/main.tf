# Kubernetes objects as data: no provider, no cluster, hence testable anywhere. `gateway-kubernetes` applies them.

module "container" {
  source = "../gateway-container"

  image              = var.image
  keeptrusts_api_url = var.keeptrusts_api_url
  gateway_id         = var.gateway_id
  port               = var.port
  drain_seconds      = var.drain_seconds
  environment        = var.variables
  secrets            = { for name, secret in local.secrets : name => "${secret.name}/${secret.key}" }
  spool_max_bytes    = floor(local.spool_gib * 1073741824 * 0.9) # below the volume, so that refusing comes before a full disk
}

locals {
  secrets   = merge(var.secrets, { KEEPTRUSTS_GATEWAY_TOKEN = var.token_secret })
  spool_gib = var.spool == null ? 1 : var.spool.size_gib

  selector = {
    "app.kubernetes.io/name"     = "keeptrusts-gateway"
    "app.kubernetes.io/instance" = var.name
  }
  metadata = {
    name      = var.name
    namespace = var.namespace
    labels    = merge(var.labels, local.selector)
  }

  # What the URL says, or what its scheme means.
  control_plane_port = try(
    tonumber(regex("^https?://[^/]*[^/:]:([0-9]+)/?$", var.keeptrusts_api_url)[0]),
    startswith(var.keeptrusts_api_url, "http://") ? 80 : 443,
  )

  probe = { for path in ["healthz", "readyz"] : path => { httpGet = { path = "/${path}", port = "http" } } }

  container = {
    name  = "gateway"
    image = var.image
    args  = module.container.command
    ports = [{ name = "http", containerPort = var.port, protocol = "TCP" }]
    env = concat(
      [for name in sort(keys(module.container.environment)) : { name = name, value = module.container.environment[name] }],
      [for name in sort(keys(local.secrets)) : { name = name, valueFrom = { secretKeyRef = local.secrets[name] } }],
    )
    resources = { for name, values in var.resources : name => values if values != null }
    # The first bundle may take a while; afterwards only a process that does not answer at all is started again.
    startupProbe   = merge(local.probe.healthz, { periodSeconds = 2, failureThreshold = 30 })
    livenessProbe  = merge(local.probe.healthz, { periodSeconds = 10, timeoutSeconds = 5, failureThreshold = 3 })
    readinessProbe = merge(local.probe.readyz, { periodSeconds = 5, timeoutSeconds = 3, failureThreshold = 2 })
    # Endpoints forget a pod a little after it was told to stop; until then it goes on to serve.
    lifecycle = { preStop = { exec = { command = ["sleep", "5"] } } }
    securityContext = {
      allowPrivilegeEscalation = false
      readOnlyRootFilesystem   = true
      capabilities             = { drop = ["ALL"] }
    }
    volumeMounts = [
      { name = "spool", mountPath = module.container.spool_path },
      { name = "tmp", mountPath = "/tmp" },
    ]
  }

  pod = {
    serviceAccountName            = var.name
    automountServiceAccountToken  = false
    terminationGracePeriodSeconds = module.container.stop_seconds + 5
    securityContext = {
      runAsNonRoot        = true
      runAsUser           = 10001
      runAsGroup          = 10001
      fsGroup             = 10001
      fsGroupChangePolicy = "OnRootMismatch"
      seccompProfile      = { type = "RuntimeDefault" }
    }
    topologySpreadConstraints = [{
      maxSkew           = 1
      topologyKey       = "topology.kubernetes.io/zone"
      whenUnsatisfiable = "ScheduleAnyway"
      labelSelector     = { matchLabels = local.selector }
    }]
    containers = [local.container]
    volumes = concat(
      [{ name = "tmp", emptyDir = { sizeLimit = "256Mi" } }],
      var.spool == null ? [{ name = "spool", emptyDir = { sizeLimit = "1Gi" } }] : [],
    )
  }

  # One for each pod: a spool has one writer, and what a pod did not ship yet waits for its next life.
  claim = var.spool == null ? {} : {
    volumeClaimTemplates = [{
      metadata = { name = "spool", labels = local.selector }
      spec = merge(
        {
          accessModes = ["ReadWriteOnce"]
          resources   = { requests = { storage = "${var.spool.size_gib}Gi" } }
        },
        var.spool.storage_class == null ? {} : { storageClassName = var.spool.storage_class },
      )
    }]
  }

  callers = (
    length(var.allow_from) == 0
    ? [{ podSelector = {} }]
    : [for labels in var.allow_from : { namespaceSelector = { matchLabels = labels } }]
  )

  manifests = {
    service_account = {
      apiVersion                   = "v1"
      kind                         = "ServiceAccount"
      metadata                     = local.metadata
      automountServiceAccountToken = false
    }

    service = {
      apiVersion = "v1"
      kind       = "Service"
      metadata   = local.metadata
      spec = {
        type     = "ClusterIP"
        selector = local.selector
        ports    = [{ name = "http", port = var.port, targetPort = "http", protocol = "TCP" }]
      }
    }

    stateful_set = {
      apiVersion = "apps/v1"
      kind       = "StatefulSet"
      metadata   = local.metadata
      spec = merge(
        {
          serviceName         = var.name
          replicas            = var.replicas
          podManagementPolicy = "Parallel"
          updateStrategy      = { type = "RollingUpdate" }
          selector            = { matchLabels = local.selector }
          template            = { metadata = { labels = local.metadata.labels }, spec = local.pod }
        },
        local.claim,
      )
    }

    pod_disruption_budget = {
      apiVersion = "policy/v1"
      kind       = "PodDisruptionBudget"
      metadata   = local.metadata
      spec       = { maxUnavailable = 1, selector = { matchLabels = local.selector } }
    }

    network_policy = {
      apiVersion = "networking.k8s.io/v1"
      kind       = "NetworkPolicy"
      metadata   = local.metadata
      spec = {
        podSelector = { matchLabels = local.selector }
        policyTypes = ["Ingress", "Egress"]
        ingress     = [{ from = local.callers, ports = [{ port = "http", protocol = "TCP" }] }]
        egress = [
          { ports = [{ port = 53, protocol = "UDP" }, { port = 53, protocol = "TCP" }] },
          {
            ports = [
              for port in sort([for port in setunion(var.egress_ports, [local.control_plane_port]) : format("%05d", port)]) :
              { port = tonumber(port), protocol = "TCP" }
            ]
          },
        ]
      }
    }
  }
}
