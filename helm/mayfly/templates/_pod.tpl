{{/* What every pod of the chart is held to, and more than the standard "restricted" asks. */}}
{{- define "mayfly.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "mayfly.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Where in the cluster a pod runs. */}}
{{- define "mayfly.placement" -}}
{{- with .Values.imagePullSecrets }}
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
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{/* Labels of pods that use the CA's keys. */}}
{{- define "mayfly.podLabels" -}}
{{- include "mayfly.releaseLabels" . }}
{{- if eq .Values.cloudIdentity.kind "aks" }}
azure.workload.identity/use: "true"
{{- end }}
{{- with .Values.podLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The pod around a container of Mayfly: identity, secrets, configuration, volume. */}}
{{- define "mayfly.pod" -}}
serviceAccountName: {{ include "mayfly.serviceAccountName" . }}
automountServiceAccountToken: false
enableServiceLinks: false
# A name with a dot in it is looked up as it is, before the cluster's own domains: who may make a namespace "com" there would
# otherwise answer for gitlab.com.
dnsConfig:
  options:
    - { name: ndots, value: "1" }
securityContext:
  {{- include "mayfly.podSecurity" . | nindent 2 }}
{{- include "mayfly.placement" . }}
volumes:
  - name: config
    configMap:
      name: {{ include "mayfly.fullname" . }}
  - name: data
    {{- if .Values.persistence.enabled }}
    persistentVolumeClaim:
      claimName: {{ include "mayfly.claimName" . }}
    {{- else }}
    emptyDir: {}
    {{- end }}
  - name: tmp
    emptyDir:
      medium: Memory
      sizeLimit: 16Mi
  {{- range .Values.secrets }}
  - name: secret-{{ .name }}
    secret:
      secretName: {{ .secretName }}
      # Read by the group that fsGroup makes the process's own; Mayfly refuses keys that everybody can read.
      defaultMode: 0440
  {{- end }}
  {{- if .Values.developmentCa.enabled }}
  - name: secret-development-ca
    secret:
      secretName: {{ include "mayfly.developmentCaName" . }}
      defaultMode: 0440
  {{- end }}
  {{- range .Values.tokens }}
  - name: token-{{ .name }}
    projected:
      defaultMode: 0440
      sources:
        - serviceAccountToken:
            path: token
            expirationSeconds: {{ int (.expirationSeconds | default 3600) }}
            {{- with .audience }}
            audience: {{ . | quote }}
            {{- end }}
        {{- if .clusterCa }}
        - configMap:
            name: kube-root-ca.crt
            items:
              - { key: ca.crt, path: ca.crt }
        {{- end }}
  {{- end }}
  {{- with .Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* The container but for its name, arguments, ports and probes. */}}
{{- define "mayfly.container" -}}
image: {{ include "mayfly.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  {{- include "mayfly.containerSecurity" . | nindent 2 }}
{{- with .Values.env }}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
terminationMessagePolicy: FallbackToLogsOnError
volumeMounts:
  # A folder and no single files: only in folders does Kubernetes put changes into force.
  - { name: config, mountPath: /etc/mayfly, readOnly: true }
  - { name: data, mountPath: /data }
  - { name: tmp, mountPath: /tmp }
  {{- range .Values.secrets }}
  - { name: secret-{{ .name }}, mountPath: /secrets/{{ .name }}, readOnly: true }
  {{- end }}
  {{- if .Values.developmentCa.enabled }}
  - { name: secret-development-ca, mountPath: /secrets/development-ca, readOnly: true }
  {{- end }}
  {{- range .Values.tokens }}
  - { name: token-{{ .name }}, mountPath: /tokens/{{ .name }}, readOnly: true }
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}
