{{- /* What the process is told. deploy/terraform/modules/gateway-manifests says the same, and a test holds them together. */ -}}

{{- define "gateway.args" -}}
{{- $gib := ternary .Values.spool.sizeGib 1 .Values.spool.persistent -}}
- gateway
- run
- --listen
- {{ printf "0.0.0.0:%d" (int .Values.port) }}
{{- if include "gateway.hasPolicy" . }}
- --policy-config
- /etc/keeptrusts/policy-config.yaml
{{- end }}
- --fail-mode
- {{ .Values.failMode }}
- --spool-dir
- /var/lib/keeptrusts
- --spool-max-bytes
- {{ mulf $gib 1073741824 0.9 | floor | int64 | quote }}
- --drain-seconds
- {{ .Values.drainSeconds | toString | quote }}
{{- end -}}

{{- define "gateway.env" -}}
{{- $plain := dict -}}
{{- $secret := dict -}}
{{- with .Values.controlPlane -}}
{{- if .url -}}
{{- $_ := set $plain "KEEPTRUSTS_API_URL" .url -}}
{{- $_ := set $secret "KEEPTRUSTS_GATEWAY_TOKEN" .existingSecret -}}
{{- end -}}
{{- if .gatewayId -}}
{{- $_ := set $plain "KEEPTRUSTS_GATEWAY_ID" .gatewayId -}}
{{- end -}}
{{- end -}}
{{- range list "KEEPTRUSTS_GATEWAY_TOKEN" "KEEPTRUSTS_API_TOKEN" "KEEPTRUSTS_API_KEY" "KEEPTRUSTS_ADMIN_TOKEN" -}}
{{- if hasKey $.Values.variables . -}}
{{- fail (printf "%s is a credential: it goes into `secrets`, by reference, not into `variables`" .) -}}
{{- end -}}
{{- end -}}
{{- range $name, $value := mergeOverwrite $plain .Values.variables }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- range $name, $place := merge $secret .Values.secrets }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef:
      name: {{ $place.name }}
      key: {{ $place.key }}
{{- end }}
{{- end -}}

{{- /* What the control plane's URL says, or what its scheme means. */ -}}
{{- define "gateway.controlPlanePort" -}}
{{- $told := regexFind ":[0-9]+/?$" .Values.controlPlane.url | trimAll ":/" -}}
{{- default (ternary "80" "443" (hasPrefix "http://" .Values.controlPlane.url)) $told -}}
{{- end -}}
