{{/* The port of an address such as 0.0.0.0:5555. */}}
{{- define "mayfly.port" -}}
{{- regexFind "[0-9]+$" . -}}
{{- end -}}

{{/* Whether gRPC has a port of its own: "true" or nothing. */}}
{{- define "mayfly.hasGrpcPort" -}}
{{- $config := .Values.config -}}
{{- if $config.grpc -}}
{{- if ne (include "mayfly.port" $config.grpc.listen) (include "mayfly.port" $config.http.listen) -}}true{{- end -}}
{{- end -}}
{{- end -}}

{{/* The port of the Service that gRPC is behind. */}}
{{- define "mayfly.grpcPortName" -}}
{{- if include "mayfly.hasGrpcPort" . -}}grpc{{- else -}}http{{- end -}}
{{- end -}}

{{/*
What of configuration and files holds from the start on, as a checksum: when it changes, the pod is replaced. The rest is
read by the running process, without a restart (docs/operating.md, "Changes while it runs"). A file counts when a setting of
the start names it.
*/}}
{{- define "mayfly.startChecksum" -}}
{{- $config := omit .Values.config "ca" "issuers" "clientKeys" "issuance" -}}
{{- $limits := omit ($config.limits | default dict) "rates" "stages" -}}
{{- $log := omit ($config.log | default dict) "shards" -}}
{{- $config = set (set $config "limits" $limits) "log" $log -}}
{{- $text := toJson $config -}}
{{- $files := dict -}}
{{- range $name, $content := .Values.files -}}
{{- if contains (toJson $name) $text -}}
{{- $files = set $files $name $content -}}
{{- end -}}
{{- end -}}
{{- printf "%s\n%s" $text (toJson $files) | sha256sum -}}
{{- end -}}

{{/* Seconds from SIGTERM to SIGKILL: what Mayfly takes at most, and 15 more. */}}
{{- define "mayfly.graceSeconds" -}}
{{- $shutdown := .Values.config.shutdown | default dict -}}
{{- $lameDuck := 5 -}}
{{- if hasKey $shutdown "lameDuckSeconds" -}}{{- $lameDuck = int $shutdown.lameDuckSeconds -}}{{- end -}}
{{- add 15 $lameDuck (int ($shutdown.drainSeconds | default 20)) (int ($shutdown.closeSeconds | default 5)) -}}
{{- end -}}
