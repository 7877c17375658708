{{- define "vllm-router.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 57 | trimSuffix "-" }}
{{- else if contains .Chart.Name .Release.Name }}
{{- .Release.Name | trunc 57 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 57 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "vllm-router.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "vllm-router.labels" -}}
{{ include "vllm-router.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "vllm-router.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "vllm-router.fullname" .) "default" .Values.serviceAccount.create) }}
{{- end }}

{{- define "vllm-router.peersSecret" -}}
{{- .Values.peers.existingSecret | default (printf "%s-peers" (include "vllm-router.fullname" .)) }}
{{- end }}

{{/* The namespaces of the Services in this cluster that `discovery` names, as a list in JSON. */}}
{{- define "vllm-router.watchedNamespaces" -}}
{{- $namespaces := list }}
{{- range .Values.discovery }}
{{- if and .kubernetes (not (dig "api_server" "" .kubernetes)) }}
{{- $namespaces = append $namespaces (.kubernetes.namespace | default $.Release.Namespace) }}
{{- end }}
{{- end }}
{{- $namespaces | uniq | toJson }}
{{- end }}

{{/* A value in TOML, on one line. Strings, numbers and booleans are written as in JSON. */}}
{{- define "vllm-router.toml" -}}
{{- if kindIs "map" . }}
{{- $members := list }}
{{- range $key, $value := . }}
{{- $members = append $members (printf "%s = %s" (toRawJson $key) (include "vllm-router.toml" $value)) }}
{{- end }}
{{- printf "{ %s }" (join ", " $members) }}
{{- else if kindIs "slice" . }}
{{- $items := list }}
{{- range . }}
{{- $items = append $items (include "vllm-router.toml" .) }}
{{- end }}
{{- printf "[%s]" (join ", " $items) }}
{{- else }}
{{- toRawJson . }}
{{- end }}
{{- end }}
