import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, parseAllDocuments, stringify } from "yaml";
import type { GoTool } from "../go-tool.ts";
import { CHART, overlay, readValues, shapeFile, type Values } from "./values.ts";

/** Helm as `tools/chart/helm` pins it. */
export const HELM: GoTool = { name: "helm", folder: "tools/chart/helm", package: "helm.sh/helm/v4/cmd/helm" };

/** What a program said, and how it ended. */
export interface Said {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** An object of Kubernetes, as far as every one is the same. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [member: string]: unknown;
}

/** Name of the release and of its namespace in all tests. */
export const RELEASE = "signing";

/** What is released, and where. */
export interface ReleaseOptions {
  readonly shape: string;
  readonly change?: string;
  readonly kubeconfig?: string;
}

/** Helm, of a given program, in a home of its own. */
export class Helm {
  readonly #program: string;
  readonly #known = new Map<string, readonly KubernetesObject[]>();

  constructor(program: string) {
    this.#program = program;
  }

  /** Runs it, on a cluster where one is given by its kubeconfig. */
  run(args: readonly string[], kubeconfig?: string): Said {
    const home = mkdtempSync(join(tmpdir(), "mayfly-helm-"));
    try {
      const cluster = kubeconfig === undefined ? {} : { KUBECONFIG: kubeconfig };
      const env = { PATH: process.env["PATH"] ?? "", HOME: home, ...cluster };
      const { status, stdout, stderr } = spawnSync(this.#program, args, { encoding: "utf8", env });
      return { code: status, stdout, stderr };
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  }

  /** `helm lint` of the chart with the values of a shape. */
  lint(shape: string): Said {
    return this.run(["lint", "--strict", CHART, "--values", shapeFile(shape)]);
  }

  /** Runs a command of Helm's that takes a release, the chart and the values of a shape with more, in YAML, over them. */
  release(command: readonly string[], { shape, change = "", kubeconfig }: ReleaseOptions): Said {
    const folder = mkdtempSync(join(tmpdir(), "mayfly-helm-"));
    try {
      const file = join(folder, "values.yaml");
      const over = parse(change) as Values | null;
      writeFileSync(file, stringify(overlay(readValues(shapeFile(shape)), over ?? {})));
      return this.run([...command, RELEASE, CHART, "--namespace", RELEASE, "--values", file], kubeconfig);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** `helm template` of a shape. */
  template(shape: string, change?: string): Said {
    return this.release(["template", "--kube-version", "1.36.3"], {
      shape,
      ...(change === undefined ? {} : { change }),
    });
  }

  /**
   * The objects of a shape, rendered once.
   *
   * @throws Error with what Helm said when it refuses
   */
  objects(shape: string, change = ""): readonly KubernetesObject[] {
    const known = this.#known.get(`${shape}\n${change}`);
    if (known !== undefined) return known;
    const { code, stdout, stderr } = this.template(shape, change);
    if (code !== 0) throw new Error(stderr);
    // Helm reads and writes YAML 1.1, where 0440 is octal.
    const objects = parseAllDocuments(stdout, { version: "1.1" })
      .map((document) => document.toJS() as KubernetesObject | null)
      .filter((object) => object !== null);
    this.#known.set(`${shape}\n${change}`, objects);
    return objects;
  }
}

/** The only object of a kind, or of a kind and a name. */
export function only(objects: readonly KubernetesObject[], kind: string, name?: string): KubernetesObject {
  const found = objects.filter(
    (object) => object.kind === kind && (name ?? object.metadata.name) === object.metadata.name,
  );
  const [object] = found;
  if (object === undefined || found.length > 1) throw new Error(`${String(found.length)} objects of kind ${kind}`);
  return object;
}
