import { describe, expect } from "@jest/globals";
import { parse, stringify } from "yaml";
import { goToolPath, isGoToolBuilt } from "../support/go-tool.ts";
import { CONTRADICTIONS } from "../support/chart/contradictions.ts";
import { Helm, HELM, only, RELEASE, type KubernetesObject } from "../support/chart/helm.ts";
import { podFaults, podOf, type PodTemplate } from "../support/chart/pods.ts";
import { SHAPES, valuesOf } from "../support/chart/values.ts";
import { itWhen } from "../support/it-when.ts";

const [itWithHelm, skipped] = itWhen(isGoToolBuilt(HELM), "Helm is not built here; npm run test:keys builds it");
const helm = new Helm(goToolPath(HELM));

type Labels = Readonly<Record<string, string>>;
const NAME = `${RELEASE}-mayfly`;

/** What of an object's `spec` these tests look at. */
interface Selecting {
  readonly replicas?: number;
  readonly serviceName?: string;
  readonly selector: Labels & { readonly matchLabels: Labels };
  readonly podSelector: {
    readonly matchLabels: Labels;
    readonly matchExpressions: readonly { readonly key: string; readonly values: readonly string[] }[];
  };
  readonly ports: readonly { readonly name: string; readonly targetPort: string }[];
  readonly ingress: readonly {
    readonly from: readonly { readonly podSelector?: { readonly matchLabels?: Labels } }[];
    readonly ports: readonly { readonly port: number }[];
  }[];
}
const spec = (object: KubernetesObject): Selecting => object["spec"] as Selecting;
const matches = (selector: Labels, labels: Labels): boolean =>
  Object.entries(selector).every(([name, value]) => labels[name] === value);

/** The server's pod of a shape. */
const server = (shape: string, change = ""): PodTemplate => podOf(only(helm.objects(shape, change), "StatefulSet"))!;
const checksum = (pod: PodTemplate): string | undefined => pod.metadata.annotations?.["checksum/start"];

describe("what the chart makes", () => {
  itWithHelm.each([
    ["development", ["ConfigMap", "ConfigMap", "Job", "NetworkPolicy", "PodDisruptionBudget", "Role", "RoleBinding"]],
    ...["file-keys", "vault", "aws-kms", "google-kms", "azure-key-vault", "pkcs11"].map(
      (shape) => [shape, ["ConfigMap", "NetworkPolicy", "PersistentVolumeClaim", "PodDisruptionBudget"]] as const,
    ),
    ["log-init", ["ConfigMap", "Job", "NetworkPolicy", "PersistentVolumeClaim", "PodDisruptionBudget"]],
    ["ingress", ["ConfigMap", "Ingress", "Ingress", "NetworkPolicy", "PersistentVolumeClaim", "PodDisruptionBudget"]],
    ["everything", ["ConfigMap", "NetworkPolicy", "PodDisruptionBudget"]],
  ] as const)(`is known: %s${skipped}`, (shape, others) => {
    const accounts = { development: 2, everything: 0 }[shape] ?? 1;
    const kinds = [
      ...others,
      ...Array.from({ length: accounts }, () => "ServiceAccount"),
      ...(shape === "ingress" ? ["ServiceMonitor"] : []),
      ...["Service", "Service", "StatefulSet"],
      // helm test
      ...["ConfigMap", "Pod"],
    ];
    expect(
      helm
        .objects(shape)
        .map(({ kind }) => kind)
        .sort(),
    ).toEqual(kinds.sort());
  });

  itWithHelm.each(SHAPES)(`is the same each time: %s${skipped}`, (shape) => {
    expect(helm.template(shape).stdout).toBe(helm.template(shape).stdout);
  });

  itWithHelm.each(SHAPES)(`has pods that may do nothing: %s${skipped}`, (shape) => {
    const pods = helm.objects(shape).flatMap((object) => podOf(object) ?? []);
    expect(pods.length).toBeGreaterThanOrEqual(2);
    expect(pods.flatMap(podFaults)).toEqual([]);
    // The Job that makes a Secret has to ask for it.
    const withToken = pods.filter((pod) => pod.spec.automountServiceAccountToken !== false);
    expect(withToken.map(({ metadata }) => metadata.labels["app.kubernetes.io/component"])).toEqual(
      shape === "development" ? ["development-ca"] : [],
    );
  });

  itWithHelm.each(SHAPES)(`hangs together: %s${skipped}`, (shape) => {
    const objects = helm.objects(shape);
    const set = only(objects, "StatefulSet");
    const { metadata, spec: pod } = podOf(set)!;
    const { labels } = metadata;
    const [container] = pod.containers;
    const ports = container?.ports ?? [];
    const { selector, serviceName } = spec(set);
    expect(matches(selector.matchLabels, labels)).toBe(true);
    const services = objects.filter(({ kind }) => kind === "Service");
    expect(services.map(({ metadata: { name } }) => name)).toContain(serviceName);
    for (const service of services) {
      const to = spec(service);
      expect(matches(to.selector, labels)).toBe(true);
      for (const { targetPort } of to.ports) expect(ports.map(({ name }) => name)).toContain(targetPort);
      // Neither a Job's pod nor that of helm test is behind a Service.
      const others = objects.flatMap((object) => (object.kind === "StatefulSet" ? [] : (podOf(object) ?? [])));
      expect(others.filter((other) => matches(to.selector, other.metadata.labels))).toEqual([]);
    }
    const budget = spec(only(objects, "PodDisruptionBudget"));
    expect(matches(budget.selector.matchLabels, labels)).toBe(true);
    const policy = spec(only(objects, "NetworkPolicy"));
    // Every pod that has the CA's keys at hand, and no other.
    const { matchLabels, matchExpressions } = policy.podSelector;
    const walled = objects.filter((object) => {
      const its = podOf(object)?.metadata.labels ?? {};
      return matches(matchLabels, its) && matchExpressions.every(({ key, values }) => values.includes(its[key] ?? ""));
    });
    const signing = objects.filter((object) => podOf(object)?.spec.volumes?.some(({ name }) => name === "data"));
    expect(walled).toEqual(signing);
    const numbers = ports.map(({ containerPort }) => containerPort);
    expect(new Set(numbers).size).toBe(numbers.length);
    for (const { port } of policy.ingress.flatMap((rule) => rule.ports)) expect(numbers).toContain(port);
    const volumes = pod.volumes?.map(({ name }) => name) ?? [];
    expect([...new Set(container?.volumeMounts?.map(({ name }) => name))].sort()).toEqual([...volumes].sort());
    expect(objects.filter(({ metadata: { name } }) => name.length > 63)).toEqual([]);
  });

  itWithHelm.each(SHAPES)(`delivers the configuration as it was given: %s${skipped}`, (shape) => {
    const map = only(helm.objects(shape), "ConfigMap", shape === "everything" ? "signing-ca" : NAME);
    const data = map["data"] as Record<string, string>;
    const { config, files } = valuesOf(shape) as { config: unknown; files: Record<string, string> };
    const { "mayfly.yaml": text = "", ...others } = data;
    expect(parse(text)).toEqual(config);
    expect(others).toEqual(files);
  });
});

describe("the chart", () => {
  itWithHelm.each(CONTRADICTIONS)(`refuses $what${skipped}`, ({ shape, change, says }) => {
    const { code, stdout, stderr } = helm.template(shape, change);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(says);
  });

  itWithHelm(`has names that Kubernetes takes, whatever the release is called${skipped}`, () => {
    const long = `fullnameOverride: ${"signing-".repeat(9)}ca`;
    const objects = [...helm.objects("development", long), ...helm.objects("log-init", long)];
    expect(
      objects.filter(({ metadata: { name } }) => name.length > 63 || !/^[a-z][a-z0-9-]*[a-z0-9]$/u.test(name)),
    ).toEqual([]);
  });

  itWithHelm.each(SHAPES)(`lets its own test in: %s${skipped}`, (shape) => {
    const objects = helm.objects(shape);
    const { labels } = podOf(only(objects, "Pod"))!.metadata;
    const [api] = spec(only(objects, "NetworkPolicy")).ingress;
    expect(api?.from.some(({ podSelector }) => matches(podSelector?.matchLabels ?? { none: "none" }, labels))).toBe(
      true,
    );
  });

  itWithHelm(`keeps what no upgrade may change as it was${skipped}`, () => {
    const set = only(helm.objects("file-keys"), "StatefulSet")["spec"] as Record<string, unknown>;
    const { template, replicas, ...fixed } = set;
    expect([typeof template, replicas]).toEqual(["object", 1]);
    const matchLabels = { name: "mayfly", instance: RELEASE, component: "server" };
    expect(fixed).toEqual({
      ...{ serviceName: `${NAME}-operations`, podManagementPolicy: "Parallel", revisionHistoryLimit: 5 },
      selector: {
        matchLabels: Object.fromEntries(
          Object.entries(matchLabels).map(([label, value]) => [`app.kubernetes.io/${label}`, value]),
        ),
      },
    });
    expect(only(helm.objects("file-keys"), "PersistentVolumeClaim")["spec"]).toEqual({
      ...{ accessModes: ["ReadWriteOncePod"], resources: { requests: { storage: "10Gi" } } },
    });
  });
});

describe("the pod", () => {
  itWithHelm(`is replaced for what waits for a start, and for nothing else${skipped}`, () => {
    const before = checksum(server("file-keys"));
    expect(before).toMatch(/^[0-9a-f]{64}$/u);
    for (const change of [
      "config: { issuers: [{ url: https://other.example.com, identity: { kind: email } }] }",
      "config: { clientKeys: { algorithms: [ed25519] } }",
      "config: { issuance: { paused: true } }",
      "config: { limits: { rates: { enabled: false }, stages: { tokenSeconds: 3 } } }",
      "config: { ca: { lifetimeSeconds: 300 } }",
      "files: { chain.pem: another chain }",
      "files: { fulcio-issuers.yaml: 'oidc-issuers: {}' }",
    ]) {
      expect({ change, sum: checksum(server("file-keys", change)) }).toEqual({ change, sum: before });
    }
    for (const change of ["config: { shutdown: { drainSeconds: 30 } }", "config: { limits: { connections: 100 } }"]) {
      expect({ change, sum: checksum(server("file-keys", change)) }).not.toEqual({ change, sum: before });
    }
    const [one, other] = ["one", "another"].map((text) =>
      checksum(server("file-keys", `config: { http: { tls: { certificate: tls.crt } } }\nfiles: { tls.crt: ${text} }`)),
    );
    expect(one).not.toBe(other);
    const { config } = valuesOf("ingress") as { config: { log: { shards: readonly unknown[] } } };
    const fewer = stringify({ config: { log: { shards: config.log.shards.slice(0, 1) } } });
    expect(checksum(server("ingress", fewer))).toBe(checksum(server("ingress")));
  });

  itWithHelm(`looks names with a dot up as they are${skipped}`, () => {
    expect(server("file-keys").spec["dnsConfig"]).toEqual({ options: [{ name: "ndots", value: "1" }] });
  });

  itWithHelm(`has the time that its configuration asks for to stop${skipped}`, () => {
    expect(server("file-keys").spec.terminationGracePeriodSeconds).toBe(45);
    expect(server("everything").spec.terminationGracePeriodSeconds).toBe(85);
  });

  itWithHelm(`is asked on the operations port, and restarted for /livez alone${skipped}`, () => {
    const [container] = server("everything").spec.containers;
    expect(container?.livenessProbe?.httpGet).toEqual({ path: "/livez", port: "operations" });
    expect(container?.startupProbe).toMatchObject({
      httpGet: { path: "/livez", port: "operations" },
      ...{ periodSeconds: 2, failureThreshold: 300 },
    });
    expect(container?.readinessProbe?.httpGet).toEqual({ path: "/readyz", port: "operations" });
  });

  itWithHelm(`has secrets that its group alone can read, besides root${skipped}`, () => {
    const { volumes = [] } = server("file-keys").spec;
    const secrets = volumes.filter((volume) => "secret" in volume);
    expect(secrets.map(({ secret }) => (secret as { defaultMode: number }).defaultMode)).toEqual([0o440, 0o440]);
  });

  itWithHelm(`is stopped while a task has the volume${skipped}`, () => {
    const objects = helm.objects("log-init");
    expect(spec(only(objects, "StatefulSet"))).toMatchObject({ replicas: 0 });
    const job = podOf(only(objects, "Job"))!;
    expect(job.spec.containers[0]?.args).toEqual(["log", "init", "--config", "/etc/mayfly/mayfly.yaml"]);
    expect(job.spec.volumes).toEqual(podOf(only(objects, "StatefulSet"))!.spec.volumes);
    // Another task is another Job, as none can be changed.
    const other = only(helm.objects("log-init", "task: [log, verify]"), "Job").metadata.name;
    expect(other).not.toBe(only(objects, "Job").metadata.name);
  });

  itWithHelm(`keeps its volume when the release ends${skipped}`, () => {
    const { metadata } = only(helm.objects("file-keys"), "PersistentVolumeClaim");
    expect(metadata.annotations).toMatchObject({ "helm.sh/resource-policy": "keep" });
    const { volumes = [] } = server("everything").spec;
    expect(volumes).toContainEqual({ name: "data", persistentVolumeClaim: { claimName: "log-of-2026" } });
  });
});

describe("a cloud identity", () => {
  const account = (change: string): Labels =>
    only(helm.objects("file-keys", change), "ServiceAccount").metadata.annotations ?? {};
  const egress = (change: string): string =>
    JSON.stringify(spec(only(helm.objects("file-keys", change), "NetworkPolicy")));

  itWithHelm(`of GKE is an annotation, and the way to the metadata server${skipped}`, () => {
    const change = "cloudIdentity: { kind: gke, googleServiceAccount: mayfly@project.iam.gserviceaccount.com }";
    expect(account(change)).toEqual({
      "iam.gke.io/gcp-service-account": "mayfly@project.iam.gserviceaccount.com",
    });
    expect(egress(change)).toContain("169.254.169.254/32");
    expect(egress("")).not.toContain("169.254.169.254/32");
  });

  itWithHelm(`of EKS is an annotation, or an agent on the node${skipped}`, () => {
    const role = "arn:aws:iam::123456789012:role/mayfly";
    expect(account(`cloudIdentity: { kind: eks-irsa, roleArn: "${role}" }`)).toEqual({
      "eks.amazonaws.com/role-arn": role,
    });
    const agent = "cloudIdentity: { kind: eks-pod-identity }";
    expect(account(agent)).toEqual({});
    expect(egress(agent)).toContain("169.254.170.23/32");
  });

  itWithHelm(`of AKS is an annotation, and a label of every pod that signs${skipped}`, () => {
    const id = "01234567-89ab-cdef-0123-456789abcdef";
    const change = `cloudIdentity: { kind: aks, clientId: ${id} }`;
    expect(account(change)).toEqual({ "azure.workload.identity/client-id": id });
    const label = { "azure.workload.identity/use": "true" };
    expect(server("file-keys", change).metadata.labels).toMatchObject(label);
    expect(podOf(only(helm.objects("log-init", change), "Job"))!.metadata.labels).toMatchObject(label);
    expect(server("file-keys").metadata.labels).not.toMatchObject(label);
  });
});
