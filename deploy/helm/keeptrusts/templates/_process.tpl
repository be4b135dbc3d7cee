{{- define "control.env" -}}
{{- $own := dict -}}
{{- with .Values.existingSecret -}}
{{- $_ := set $own "KEEPTRUSTS_DATABASE_URL" (dict "name" .name "key" .databaseUrlKey) -}}
{{- $_ := set $own "KEEPTRUSTS_SECRET_KEY" (dict "name" .name "key" .secretKeyKey) -}}
{{- end -}}
{{- range list "KEEPTRUSTS_DATABASE_URL" "KEEPTRUSTS_SECRET_KEY" -}}
{{- if hasKey $.Values.variables . -}}
{{- fail (printf "%s is a credential: it is read from the Secret of `existingSecret`" .) -}}
{{- end -}}
{{- end -}}
{{- range $name, $value := .Values.variables }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- range $name, $place := merge $own .Values.secrets }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef:
      name: {{ $place.name }}
      key: {{ $place.key }}
{{- end }}
{{- end -}}

{{- define "control.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "control.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "control.place" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
