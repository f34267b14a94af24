import type { KubernetesObject } from "./helm.ts";

/** A container as far as tests look at it. */
export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly resources?: { readonly limits?: Readonly<Record<string, string>> };
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
}

/** How the kubelet asks. */
export interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
  readonly periodSeconds: number;
  readonly failureThreshold: number;
}

/** A volume by its one source. */
export interface Volume {
  readonly name: string;
  readonly [source: string]: unknown;
}

/** A pod as far as tests look at it. */
export interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly Volume[];
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly automountServiceAccountToken?: boolean;
  readonly terminationGracePeriodSeconds?: number;
  readonly [member: string]: unknown;
}

/** What a pod is made from. */
export interface PodTemplate {
  readonly metadata: {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: PodSpec;
}

/** The pod of an object that has or makes one. */
export function podOf(object: KubernetesObject): PodTemplate | undefined {
  if (object.kind === "Pod") {
    const { labels = {}, ...metadata } = object.metadata;
    return { metadata: { ...metadata, labels }, spec: object["spec"] as PodSpec };
  }
  const { template } = (object["spec"] ?? {}) as { readonly template?: PodTemplate };
  return template;
}

const VOLUMES = new Set(
  ["configMap", "secret", "projected", "downwardAPI", "emptyDir", "persistentVolumeClaim", "csi"].concat("ephemeral"),
);

/** What of a pod the standard "restricted" of Kubernetes does not allow, and what else no pod of the chart may have. */
export function podFaults({ spec }: PodTemplate): readonly string[] {
  const faults: string[] = [];
  const pod = spec.securityContext ?? {};
  for (const name of ["hostNetwork", "hostPID", "hostIPC"]) if (spec[name] === true) faults.push(name);
  if (pod["runAsNonRoot"] !== true) faults.push("runAsNonRoot");
  if (typeof pod["runAsUser"] !== "number" || pod["runAsUser"] === 0) faults.push("runAsUser");
  if ((pod["seccompProfile"] as { type?: string } | undefined)?.type !== "RuntimeDefault")
    faults.push("seccompProfile");
  if (spec["enableServiceLinks"] !== false) faults.push("enableServiceLinks");
  for (const { name, ...source } of spec.volumes ?? []) {
    const kinds = Object.keys(source);
    if (kinds.length !== 1 || kinds.some((kind) => !VOLUMES.has(kind))) faults.push(`volume ${name}`);
  }
  for (const container of [...spec.containers, ...(spec.initContainers ?? [])]) {
    faults.push(...containerFaults(container).map((fault) => `${container.name}: ${fault}`));
  }
  return faults;
}

interface Capabilities {
  readonly drop?: readonly string[];
  readonly add?: readonly string[];
}

function containerFaults({ securityContext = {}, resources, ports = [] }: Container): readonly string[] {
  const faults: string[] = [];
  if (securityContext["allowPrivilegeEscalation"] !== false) faults.push("allowPrivilegeEscalation");
  if (securityContext["readOnlyRootFilesystem"] !== true) faults.push("readOnlyRootFilesystem");
  if (securityContext["privileged"] === true) faults.push("privileged");
  const { drop = [], add = [] } = (securityContext["capabilities"] ?? {}) as Capabilities;
  if (!drop.includes("ALL") || add.length > 0) faults.push("capabilities");
  if (resources?.limits?.["memory"] === undefined) faults.push("no limit of memory");
  if (ports.some((port) => "hostPort" in port)) faults.push("hostPort");
  return faults;
}
