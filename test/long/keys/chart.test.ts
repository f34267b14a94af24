import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { stringify } from "yaml";
import { CONTRADICTIONS } from "../../support/chart/contradictions.ts";
import { startCluster, type Cluster } from "../../support/chart/cluster.ts";
import { Helm, only, RELEASE, type KubernetesObject, type Said } from "../../support/chart/helm.ts";
import { fillVolume } from "../../support/chart/kubelet.ts";
import { podOf } from "../../support/chart/pods.ts";
import { REFUSED_VALUES } from "../../support/chart/refused-values.ts";
import {
  installHadolint,
  installHelm,
  installKubectl,
  installKubernetesValidate,
  serviceMonitorDefinition,
} from "../../support/chart/tools.ts";
import { SHAPES } from "../../support/chart/values.ts";
import { whatIsMissing, type Installation } from "../../support/clients/installation.ts";
import { freePort } from "../../support/clients/neighbour.ts";
import { recordEvidence, recordVersion } from "../../support/evidence.ts";
import { ETCD, KUBE_APISERVER } from "../../support/issuers/kube-apiserver.ts";
import { itWhen } from "../../support/it-when.ts";
import { startMayflyProcess, type MayflyProcess } from "../../support/mayfly-process.ts";

const HELM = installHelm();
const VALIDATE = installKubernetesValidate();
const HADOLINT = installHadolint();
const KUBECTL = installKubectl();
const DEFINITION = serviceMonitorDefinition();

const needs = (...tools: readonly Installation[]): ReturnType<typeof itWhen> => {
  const missing = whatIsMissing(...tools);
  return itWhen(missing === undefined, missing ?? "");
};
const program = (tool: Installation, name: string): string => ("whyNot" in tool ? name : (tool.commands[name] ?? name));

const [itWithHelm, noHelm] = needs(HELM);
const [itWithValidate, noValidate] = needs(HELM, VALIDATE);
const [itWithHadolint, noHadolint] = needs(HADOLINT);
const definition: Installation = typeof DEFINITION === "string" ? { commands: {}, version: "" } : DEFINITION;
const clusterTools = [HELM, KUBECTL, KUBE_APISERVER, ETCD, definition];
const [itWithCluster, noCluster] = needs(...clusterTools);

const folder = mkdtempSync(join(tmpdir(), "mayfly-chart-"));
const helm = new Helm(program(HELM, "helm"));
let cluster: Cluster;

/** What the chart calls its objects. */
const NAME = `${RELEASE}-mayfly`;

/** Objects as one text for kubectl. */
const asText = (objects: readonly object[]): string => objects.map((object) => stringify(object)).join("---\n");

const NAMESPACE = {
  ...{ apiVersion: "v1", kind: "Namespace" },
  metadata: {
    name: RELEASE,
    labels: {
      "pod-security.kubernetes.io/enforce": "restricted",
      "pod-security.kubernetes.io/warn": "restricted",
    },
  },
};

function succeed({ code, stdout, stderr }: Said): string {
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout;
}

/** As `kubectl apply --dry-run=server --validate=strict` judges it. */
const judge = (objects: readonly object[]): Said =>
  cluster.kubectl(["apply", "--dry-run=server", "--validate=strict", "-n", RELEASE, "-f", "-"], {
    input: asText(objects),
  });

beforeAll(async () => {
  for (const [name, tool] of [
    ["Helm", HELM],
    ["kubernetes-validate", VALIDATE],
    ["hadolint", HADOLINT],
    ["kubectl", KUBECTL],
    ["Kubernetes", KUBE_APISERVER],
  ] as const) {
    if (!("whyNot" in tool)) recordVersion(name, tool.version);
  }
  if (whatIsMissing(...clusterTools) !== undefined) return;
  cluster = await startCluster(folder, program(KUBECTL, "kubectl"));
  succeed(cluster.kubectl(["apply", "--server-side", "-f", "-"], { input: DEFINITION as string }));
  succeed(cluster.kubectl(["apply", "-f", "-"], { input: asText([NAMESPACE]) }));
});

afterAll(async () => {
  if (whatIsMissing(...clusterTools) === undefined) await cluster.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("the chart, to Helm", () => {
  itWithHelm.each(SHAPES)(`is clean: %s${noHelm}`, (shape) => {
    const { code, stdout } = helm.lint(shape);
    expect(stdout).toContain("1 chart(s) linted, 0 chart(s) failed");
    expect(stdout).not.toMatch(/\[(?:WARNING|ERROR)\]/u);
    expect(code).toBe(0);
    recordEvidence(`Helm, \`helm lint --strict\` with ${shape}: nothing to say`);
  });

  itWithHelm.each(REFUSED_VALUES)(`refuses $what${noHelm}`, ({ what, shape, change, at }) => {
    const { code, stdout, stderr } = helm.template(shape, change);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("values don't meet the specifications of the schema");
    // Helm names a value that may not be there by what holds it.
    const places = [at, at.slice(0, at.lastIndexOf("/"))].map((place) => `at '${place}'`);
    expect(places.some((place) => stderr.includes(place))).toBe(true);
    recordEvidence(`Helm refuses ${what}`);
  });

  itWithHelm.each(CONTRADICTIONS)(`refuses $what${noHelm}`, ({ what, shape, change, says }) => {
    const { code, stdout, stderr } = helm.template(shape, change);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(says);
    recordEvidence(`Helm refuses ${what}, which the templates see`);
  });
});

describe("the chart, to Kubernetes' schemas", () => {
  const validate = (objects: readonly object[]): Said => {
    const file = join(folder, "objects.yaml");
    writeFileSync(file, asText(objects));
    const { status, stdout, stderr } = spawnSync(
      program(VALIDATE, "kubernetes-validate"),
      ["--strict", "-k", "1.36", file],
      { encoding: "utf8" },
    );
    return { code: status, stdout, stderr };
  };
  /** What Kubernetes itself knows. */
  const own = (shape: string): readonly KubernetesObject[] =>
    helm.objects(shape).filter(({ kind }) => kind !== "ServiceMonitor");

  itWithValidate.each(SHAPES)(`is valid: %s${noValidate}`, (shape) => {
    const { code, stdout, stderr } = validate(own(shape));
    expect({ code, said: code === 0 ? "" : `${stdout}${stderr}` }).toEqual({ code: 0, said: "" });
    recordEvidence(
      `kubernetes-validate --strict, Kubernetes 1.36, ${shape}: ${String(own(shape).length)} objects valid`,
    );
  });

  itWithValidate(`is not, with a member that there is none of${noValidate}`, () => {
    const set = only(own("file-keys"), "StatefulSet");
    expect(validate([{ ...set, spec: { ...(set["spec"] as object), replica: 1 } }]).code).not.toBe(0);
  });
});

describe("the chart, to a real API server", () => {
  itWithCluster.each(SHAPES)(
    `is taken by kubectl apply --dry-run=server --validate=strict: %s${noCluster}`,
    (shape) => {
      const objects = helm.objects(shape);
      expect(succeed(judge(objects)).trim().split("\n")).toHaveLength(objects.length);
      recordEvidence(
        `Kubernetes' API server, ${shape}: ${String(objects.length)} objects taken, strictly, without a warning`,
      );
    },
  );

  itWithCluster.each(SHAPES)(`has pods that the standard "restricted" takes: %s${noCluster}`, (shape) => {
    const pods = helm.objects(shape).flatMap((object, at) => {
      const template = podOf(object);
      if (template === undefined) return [];
      const spec = { restartPolicy: "Always", ...template.spec };
      return [{ apiVersion: "v1", kind: "Pod", metadata: { ...template.metadata, name: `pod-${String(at)}` }, spec }];
    });
    succeed(judge(pods));
    const loose = pods.map((pod) => ({ ...pod, spec: { ...pod.spec, securityContext: {} } }));
    expect(judge(loose).stderr).toContain('violates PodSecurity "restricted');
    recordEvidence(`Kubernetes' Pod Security "restricted", ${shape}: ${String(pods.length)} pods admitted`);
  });

  itWithCluster(`is not taken with a member that there is none of${noCluster}`, () => {
    const set = only(helm.objects("file-keys"), "StatefulSet");
    const { code, stderr } = judge([{ ...set, spec: { ...(set["spec"] as object), replica: 1 } }]);
    expect(code).not.toBe(0);
    expect(stderr).toContain('unknown field "spec.replica"');
  });
});

describe("a release of the chart in a real API server", () => {
  const helmed = (command: readonly string[], shape: string, change = ""): Said =>
    helm.release(command, { shape, change, kubeconfig: cluster.kubeconfig });
  const get = (...what: readonly string[]): string =>
    succeed(cluster.kubectl(["get", ...what, "-n", RELEASE, "-o", "name"])).trim();
  const replicas = (): string =>
    succeed(cluster.kubectl(["get", "statefulset", NAME, "-n", RELEASE, "-o", "jsonpath={.spec.replicas}"]));
  const uninstall = (): Said =>
    helm.run(["uninstall", RELEASE, "--namespace", RELEASE, "--cascade", "background"], cluster.kubeconfig);

  itWithCluster(`begins with a task, goes on with the service, and leaves the volume when it ends${noCluster}`, () => {
    const task = "task: [log, init]";
    expect(succeed(helmed(["install"], "file-keys", task))).toContain(
      "THE SERVICE IS STOPPED: `mayfly log init` runs once instead",
    );
    expect({ jobs: get("jobs"), replicas: replicas() }).toEqual({
      jobs: expect.stringMatching(new RegExp(`^job.batch/${NAME}-task-[0-9a-f]{8}$`, "u")) as unknown,
      replicas: "0",
    });
    expect(succeed(helmed(["upgrade"], "file-keys"))).not.toMatch(/WARNING|STOPPED/u);
    expect({ jobs: get("jobs"), replicas: replicas() }).toEqual({ jobs: "", replicas: "1" });
    expect(uninstall().code).toBe(0);
    expect(get("statefulsets")).toBe("");
    expect(get("persistentvolumeclaims")).toBe(`persistentvolumeclaim/${NAME}`);
    // The same claim, which a release of the same name takes up.
    succeed(helmed(["install"], "file-keys"));
    expect(uninstall().code).toBe(0);
    recordEvidence(
      "Helm: install with a task (a Job, no replica), upgrade to the service (no Job, a replica), uninstall (the claim stays), install again",
    );
  });

  itWithCluster(`grows its volume and changes its configuration in place${noCluster}`, () => {
    succeed(helmed(["install"], "file-keys"));
    const checksum = (): string =>
      succeed(
        cluster.kubectl([
          "get",
          "statefulset",
          NAME,
          "-n",
          RELEASE,
          "-o",
          "jsonpath={.spec.template.metadata.annotations}",
        ]),
      );
    const before = checksum();
    succeed(helmed(["upgrade"], "file-keys", "config: { issuance: { paused: true } }"));
    expect(checksum()).toBe(before);
    succeed(helmed(["upgrade"], "file-keys", "config: { shutdown: { drainSeconds: 30 } }"));
    expect(checksum()).not.toBe(before);
    expect(uninstall().code).toBe(0);
    recordEvidence(
      "Helm: an upgrade with a setting that needs no restart leaves the pod's template as it is, one that does changes it",
    );
  });

  itWithCluster(`warns of what is unsafe${noCluster}`, () => {
    const notes = (shape: string, change = ""): string =>
      succeed(helmed(["install", "--dry-run=server"], shape, change));
    expect(notes("development")).toMatch(
      /environment is development[^]*lie in the Secret[^]*The log is lost[^]*plain HTTP/u,
    );
    expect(notes("everything")).toContain("replicas is 0");
    expect(notes("file-keys")).not.toMatch(/WARNING|STOPPED/u);
    expect(notes("file-keys", "networkPolicy: { enabled: false }")).toContain("WARNING: there is no NetworkPolicy");
    expect(notes("file-keys", "persistence: { accessMode: ReadWriteOnce }")).toContain("WARNING: ReadWriteOnce");
    expect(notes("aws-kms", "cloudIdentity: { kind: none, roleArn: '' }")).toContain(
      "NOTE: the CA's key is in a key service",
    );
    recordEvidence(
      "Helm, notes: warn of development, keys in a Secret, no volume, plain HTTP, no NetworkPolicy, ReadWriteOnce, no identity",
    );
  });
});

describe("the Job of the development CA", () => {
  const name = `${NAME}-development-ca`;
  const account = join(folder, "account");
  let token: string;

  const makeSecret = (): Said => {
    const port = new URL(cluster.url).port;
    const { status, stdout, stderr } = spawnSync(process.execPath, ["helm/mayfly/files/make-secret.mjs"], {
      encoding: "utf8",
      env: {
        ...{ MAYFLY: resolve("src/bin.ts"), ORGANIZATION: "Development", NAMESPACE: RELEASE, SECRET: name },
        ...{ ACCOUNT: account, NODE_EXTRA_CA_CERTS: cluster.caFile, TMPDIR: folder },
        ...{ KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: port },
      },
    });
    return { code: status, stdout, stderr };
  };
  const secret = (): { readonly immutable: boolean; readonly data: Readonly<Record<string, string>> } =>
    JSON.parse(succeed(cluster.kubectl(["get", "secret", name, "-n", RELEASE, "-o", "json"]))) as ReturnType<
      typeof secret
    >;

  itWithCluster(`makes a Secret with the rights that the chart gives it, once${noCluster}`, () => {
    const rights = helm
      .objects("development")
      .filter(({ kind }) => ["ServiceAccount", "Role", "RoleBinding"].includes(kind));
    succeed(cluster.kubectl(["apply", "-n", RELEASE, "-f", "-"], { input: asText(rights) }));
    mkdirSync(account);
    // Without a bound account nobody may do anything.
    writeFileSync(
      join(account, "token"),
      succeed(cluster.kubectl(["create", "token", `${RELEASE}-mayfly`, "-n", RELEASE])),
    );
    const refused = makeSecret();
    expect({ code: refused.code, said: refused.stdout }).toEqual({ code: 1, said: "" });
    expect(refused.stderr).toContain("the API server answers 403 to a new Secret");
    token = succeed(cluster.kubectl(["create", "token", name, "-n", RELEASE])).trim();
    writeFileSync(join(account, "token"), token);
    expect(succeed(makeSecret())).toBe(`Secret ${name} created\n`);
    const made = secret();
    expect(made.immutable).toBe(true);
    expect(Object.keys(made.data).sort()).toEqual(
      ["chain.pem", "checkpoint.json", "issuing.json", "log.json", "passphrase"].sort(),
    );
    expect(succeed(makeSecret())).toBe(`Secret ${name} is there already, and was left as it is\n`);
    expect(secret()).toEqual(made);
    recordEvidence(
      "development CA: its program makes the Secret with the chart's own rights, and leaves one that is there alone",
    );
  });

  itWithCluster.each([
    ["get", "secrets"],
    ["list", "secrets"],
    ["update", "secrets"],
    ["delete", "secrets"],
    ["create", "pods"],
    ["create", "serviceaccounts/token"],
  ])(`may not %s %s${noCluster}`, (verb, resource) => {
    const { stdout } = cluster.kubectl(["auth", "can-i", verb, resource, "-n", RELEASE], { token });
    expect(stdout.trim()).toBe("no");
  });

  itWithCluster(`makes keys that Mayfly serves with, from the ConfigMap as it is delivered${noCluster}`, async () => {
    const pod = join(folder, "pod");
    const [api, operations] = [await freePort(), await freePort()];
    // Paths of the pod, in a folder of this test; listeners on loopback.
    const here = (text: string): string =>
      text
        .replaceAll("/secrets/", `${pod}/secrets/`)
        .replaceAll("/data", `${pod}/data`)
        .replace(/^ *caCertificate: .*\n/mu, "")
        .replace("0.0.0.0:5555", `127.0.0.1:${String(api)}`)
        .replace("0.0.0.0:2112", `127.0.0.1:${String(operations)}`);
    const deliver = (change = ""): void => {
      const map = only(helm.objects("development", change), "ConfigMap", `${RELEASE}-mayfly`);
      const data = map["data"] as Record<string, string>;
      fillVolume(join(pod, "config"), { "mayfly.yaml": here(data["mayfly.yaml"] ?? "") });
    };
    const { data } = secret();
    const files = Object.entries(data).map(([file, text]) => [file, Buffer.from(text, "base64")] as const);
    fillVolume(join(pod, "secrets/development-ca"), Object.fromEntries(files));
    deliver();
    const mayfly = startMayflyProcess({ configFile: join(pod, "config/mayfly.yaml") });
    try {
      await serves(mayfly, `http://127.0.0.1:${String(api)}`, deliver);
    } finally {
      mayfly.signal("SIGTERM");
      mayfly.signal("SIGTERM");
      await mayfly.exited;
    }
    recordEvidence("Mayfly serves with that Secret and the rendered ConfigMap, laid out as a kubelet does");
    recordEvidence("the program of `helm test` reads trust bundle, configuration and checkpoint from it");
    recordEvidence("a ConfigMap of `helm upgrade` with other issuers is in force without a restart");
  });

  async function serves(mayfly: MayflyProcess, url: string, deliver: (change: string) => void): Promise<void> {
    await mayfly.line("ready");
    const read = spawnSync(process.execPath, ["helm/mayfly/files/read-api.mjs", url, "mayfly.example.com/log"], {
      encoding: "utf8",
    });
    expect({ code: read.status, stderr: read.stderr }).toEqual({ code: 0, stderr: "" });
    expect(read.stdout).toBe(
      "1 chain(s) to trust, 1 issuer(s) accepted\n0 entries in the log mayfly.example.com/log\n",
    );
    const wrong = spawnSync(process.execPath, ["helm/mayfly/files/read-api.mjs", url, "mayfly.example.com/other"]);
    expect(wrong.status).toBe(1);
    deliver("config: { issuers: [{ url: https://other.example.com, identity: { kind: email } }] }");
    const configured = async (): Promise<string> => (await globalThis.fetch(`${url}/api/v2/configuration`)).text();
    for (let tries = 0; tries < 100 && !(await configured()).includes("other.example.com"); tries += 1)
      await pause(200);
    expect(await configured()).toContain("https://other.example.com");
  }
});

describe("the Dockerfile", () => {
  itWithHadolint(`is clean to hadolint${noHadolint}`, () => {
    const lint = (input: string): Said => {
      const { status, stdout, stderr } = spawnSync(program(HADOLINT, "hadolint"), ["-"], { encoding: "utf8", input });
      return { code: status, stdout, stderr };
    };
    expect(lint(readFileSync("Dockerfile", "utf8"))).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(lint("FROM debian\nRUN sudo apt-get install x\n").code).not.toBe(0);
    recordEvidence("hadolint: nothing to say of the Dockerfile");
  });
});
