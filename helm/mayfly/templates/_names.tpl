{{/* Names leave room for the longest ending, "-development-ca-" and eight digits, so that none is over 63 characters. */}}
{{- define "mayfly.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 39 | trimSuffix "-" -}}
{{- end -}}

{{- define "mayfly.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 39 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 39 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 39 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Of the release; with the component they are what selectors say, and fixed for ever. */}}
{{- define "mayfly.releaseLabels" -}}
app.kubernetes.io/name: {{ include "mayfly.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "mayfly.serverLabels" -}}
{{ include "mayfly.releaseLabels" . }}
app.kubernetes.io/component: server
{{- end -}}

{{/* Of every object, for whoever looks for it. */}}
{{- define "mayfly.labels" -}}
{{ include "mayfly.releaseLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "mayfly.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (include "mayfly.fullname" .) -}}
{{- end -}}

{{- define "mayfly.claimName" -}}
{{- .Values.persistence.existingClaim | default (include "mayfly.fullname" .) -}}
{{- end -}}

{{- define "mayfly.developmentCaName" -}}
{{ include "mayfly.fullname" . }}-development-ca
{{- end -}}

{{- define "mayfly.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}
