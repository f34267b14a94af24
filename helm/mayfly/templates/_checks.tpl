{{/*
What contradicts itself across values, where a schema compares nothing: fails with the one thing that is wrong. Included by
the ConfigMap, which every release has.
*/}}
{{- define "mayfly.checks" -}}
{{- $text := toJson .Values.config -}}
{{- include "mayfly.checkNames" . -}}
{{- include "mayfly.checkPorts" . -}}
{{- include "mayfly.checkFolders" (dict "root" . "text" $text) -}}
{{- include "mayfly.checkFiles" (dict "root" . "text" $text) -}}
{{- include "mayfly.checkVariables" (dict "root" . "text" $text) -}}
{{- include "mayfly.checkEgress" (dict "root" . "text" $text) -}}
{{- end -}}

{{/* What a pod has by its name, it has once. */}}
{{- define "mayfly.checkNames" -}}
{{- range $list := list "secrets" "tokens" "env" "extraVolumes" -}}
{{- $names := list -}}
{{- range index $.Values $list -}}
{{- if has .name $names -}}{{- fail (printf "%s has %s twice" $list .name) -}}{{- end -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "mayfly.checkPorts" -}}
{{- $config := .Values.config -}}
{{- $http := include "mayfly.port" $config.http.listen -}}
{{- $operations := include "mayfly.port" $config.operations.listen -}}
{{- if eq $http $operations -}}{{- fail "config.operations.listen has the port of config.http.listen" -}}{{- end -}}
{{- if include "mayfly.hasGrpcPort" . -}}
{{- if eq (include "mayfly.port" $config.grpc.listen) $operations -}}
{{- fail "config.operations.listen has the port of config.grpc.listen" -}}
{{- end -}}
{{- if eq (int .Values.service.httpPort) (int .Values.service.grpcPort) -}}
{{- fail "service.grpcPort is service.httpPort" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What config names in /secrets and in /tokens is mounted there. */}}
{{- define "mayfly.checkFolders" -}}
{{- $values := .root.Values -}}
{{- $folders := list -}}
{{- range $values.secrets -}}{{- $folders = append $folders (printf "/secrets/%s/" .name) -}}{{- end -}}
{{- range $values.tokens -}}{{- $folders = append $folders (printf "/tokens/%s/" .name) -}}{{- end -}}
{{- range $values.extraVolumeMounts -}}{{- $folders = append $folders (printf "%s/" (trimSuffix "/" .mountPath)) -}}{{- end -}}
{{- if $values.developmentCa.enabled -}}{{- $folders = append $folders "/secrets/development-ca/" -}}{{- end -}}
{{- range $path := regexFindAll "\"/(secrets|tokens)/[^\"]*\"" .text -1 -}}
{{- $path = trimAll "\"" $path -}}
{{- $found := false -}}
{{- range $folders -}}{{- if hasPrefix . $path -}}{{- $found = true -}}{{- end -}}{{- end -}}
{{- if not $found -}}
{{- fail (printf "config names %s, and neither secrets, tokens nor extraVolumeMounts have a folder for it" $path) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What config names without a path is beside mayfly.yaml. */}}
{{- define "mayfly.checkFiles" -}}
{{- $files := .root.Values.files -}}
{{- $settings := "chain|caCertificate|certificate|blocklist|providerFile|jwksFile|publicKey" -}}
{{- $issuers := .root.Values.config.issuers -}}
{{- if kindIs "map" $issuers -}}
{{- $file := dig "fulcio" "path" "/" $issuers -}}
{{- if not (or (hasPrefix "/" $file) (hasKey $files $file)) -}}
{{- fail (printf "config has issuers.fulcio.path: %s, and files has no %s" $file $file) -}}
{{- end -}}
{{- end -}}
{{- range $setting := regexFindAll (printf "\"(%s)\":\"[^/\"][^\"]*\"" $settings) .text -1 -}}
{{- $pair := printf "{%s}" $setting | fromJson -}}
{{- range $name, $file := $pair -}}
{{- if not (hasKey $files $file) -}}
{{- fail (printf "config has %s: %s, and files has no %s" $name $file $file) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A variable that config has a secret in comes from a Secret: values, and the pod's own description, are read by many. */}}
{{- define "mayfly.checkVariables" -}}
{{- $text := .text -}}
{{- range .root.Values.env -}}
{{- if and (hasKey . "value") (contains (printf "\"env\":%s" (toJson .name)) $text) -}}
{{- fail (printf "env has a value for %s, where config has a secret: use valueFrom" .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What is not reached by HTTPS at a public address needs a rule of its own. */}}
{{- define "mayfly.checkEgress" -}}
{{- $policy := .root.Values.networkPolicy -}}
{{- if and $policy.enabled (not $policy.egress) -}}
{{- $needs := "and networkPolicy.egress has no way there" -}}
{{- if contains "\"allowPrivateNetwork\":true" .text -}}
{{- fail (printf "config has an issuer at a private address, %s" $needs) -}}
{{- end -}}
{{- range $address := regexFindAll "\"address\":\"https://[^\"]*\"" .text -1 -}}
{{- $host := (urlParse (get (printf "{%s}" $address | fromJson) "address")).host -}}
{{- if or (regexMatch "\\.svc(\\.[a-z0-9.-]+)?(:[0-9]+)?$" $host) (and (regexMatch ":[0-9]+$" $host) (not (hasSuffix ":443" $host))) -}}
{{- fail (printf "config has keys in the Vault at %s, %s" $host $needs) -}}
{{- end -}}
{{- end -}}
{{- if and (not $policy.internet) (regexMatch "\"kind\":\"(aws-kms|google-kms|azure-key-vault)\"" .text) -}}
{{- fail (printf "config has keys at a cloud, networkPolicy.internet is false, %s" $needs) -}}
{{- end -}}
{{- end -}}
{{- end -}}
