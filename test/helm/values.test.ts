import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";
import { parse, stringify } from "yaml";
import { configInForce } from "../../src/config/config-in-force.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import { REFUSED_VALUES } from "../support/chart/refused-values.ts";
import {
  CHART,
  overlay,
  readValues,
  readValuesSchema,
  refusals,
  SHAPES,
  valuesOf,
  type Values,
} from "../support/chart/values.ts";
import { runCli } from "../support/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "mayfly-values-"));
const schema = readValuesSchema();
const defaults = readValues(join(CHART, "values.yaml"));

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const places = (values: Values): readonly string[] =>
  refusals(schema, values).map(({ instanceLocation }) => instanceLocation.replace(/^#/u, ""));

describe("the chart's schema of values", () => {
  it.each(SHAPES)("takes the shape %s", (shape) => {
    expect(refusals(schema, valuesOf(shape))).toEqual([]);
  });

  it("refuses the defaults alone: image, keys, log and issuers are nobody's to guess", () => {
    expect(places(defaults)).toEqual(expect.arrayContaining(["/image/repository", "/config"]));
  });

  it.each(REFUSED_VALUES)("refuses $what", ({ rule, shape, change, at }) => {
    const values = overlay(valuesOf(shape), parse(change) as Values);
    expect(places(values)).toContain(at);
    if (rule === undefined) return;
    // It is this rule, and no other, that does.
    const others = { ...schema, allOf: schema.allOf.filter(({ $comment }) => $comment !== rule) };
    expect(others.allOf).toHaveLength(schema.allOf.length - 1);
    expect(refusals(others, values)).toEqual([]);
  });

  it("has no rule that no such case is about", () => {
    const held = new Set(REFUSED_VALUES.map(({ rule }) => rule));
    expect(schema.allOf.map(({ $comment }) => $comment).filter((rule) => !held.has(rule))).toEqual([]);
  });

  it("has the schema of the configuration as it is", () => {
    expect(() => {
      execFileSync(process.execPath, ["tools/write-chart-schema.mjs", "--check"], { stdio: "pipe" });
    }).not.toThrow();
  });
});

describe("the configuration of a shape", () => {
  it.each(SHAPES)("is good to mayfly check-config: %s", async (shape) => {
    const { config, files } = valuesOf(shape) as { config: Values; files: Readonly<Record<string, string>> };
    const home = join(folder, shape);
    mkdirSync(home);
    for (const [name, text] of Object.entries(files)) writeFileSync(join(home, name), text);
    // Issuers' authorities and chains are read by a check; these are in a pod only.
    const text = stringify(config)
      .replace(/^ *caCertificate: .*\n/mu, "")
      .replace(/(?<=^ca:\n(?: .*\n)*? {2}chain: ).*$/mu, resolve("keys-dev/chain.pem"));
    writeFileSync(join(home, "mayfly.yaml"), text);
    const { code, stderr } = await runCli(["check-config", join(home, "mayfly.yaml")]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });
});

describe("the checksum that replaces the pod", () => {
  const template = readFileSync(join(CHART, "templates/_config.tpl"), "utf8");
  const omitted = (from: string): readonly string[] => {
    const [, after = ""] = template.split(`omit ${from} "`);
    const names = after.split("-}}")[0]?.split('"') ?? [];
    return names.filter((name) => name.trim() !== "");
  };

  /** Two configurations that have no setting in common which could differ. */
  const [started, wanted] = ["one", "two"].map((name, at) =>
    parseConfig(
      stringify({
        ...{ environment: ["production", "development"][at], dataDirectory: name },
        http: { listen: `127.0.0.1:${String(at + 1)}` },
        grpc: { listen: `127.0.0.1:${String(at + 11)}` },
        operations: { listen: `127.0.0.1:${String(at + 21)}` },
        ca: { chain: name, signer: { kind: "file", path: name, passphrase: { file: name } } },
        log: {
          ...{ origin: `${name}.example.com/log`, store: { kind: "sqlite", allowAnyFilesystem: at === 1 } },
          signer: { kind: "file", path: name, passphrase: { file: name } },
          checkpointSigner: { kind: "file", path: `${name}2`, passphrase: { file: name } },
          witnessQuorum: { intervalSeconds: at + 1 },
        },
        issuers: [{ url: `https://${name}.example.com`, identity: { kind: "email" } }],
        clientKeys: { blocklist: name },
        trust: { publicUrl: `https://${name}.example.com` },
        limits: {
          ...{ trustedProxies: [`10.0.0.${String(at)}`], requestsInFlight: 10 + at, queuedRequests: 10 + at },
          ...{ queueSeconds: 1 + at, requestSeconds: 11 + at, connections: 200 + at, connectionsPerAddress: 50 + at },
          ...{ minFreeDiskMiB: at, rates: { enabled: at === 0 }, stages: { tokenSeconds: 4 + at } },
        },
        shutdown: { drainSeconds: at + 1 },
        issuance: { paused: at === 1 },
        reconcile: { everySeconds: at },
        logging: { level: ["info", "error"][at] },
      }),
      "mayfly.yaml",
    ),
  ) as [ReturnType<typeof parseConfig>, ReturnType<typeof parseConfig>];
  const inForce = configInForce(started, wanted);

  /** Members that are as wanted in a process which was started with others. */
  function changed<T extends object>(before: T, after: T, now: T): readonly string[] {
    const names = Object.keys({ ...before, ...after }) as (keyof T & string)[];
    const same = names.filter((name) => JSON.stringify(before[name]) === JSON.stringify(after[name]));
    expect(same.filter((name) => name !== "witnesses")).toEqual([]);
    return names.filter((name) => JSON.stringify(now[name]) === JSON.stringify(after[name]) && name !== "witnesses");
  }

  it("leaves out exactly what a running process puts into force", () => {
    expect([...omitted(".Values.config")].sort()).toEqual([...changed(started, wanted, inForce)].sort());
    expect([...omitted("($config.limits | default dict)")].sort()).toEqual(
      [...changed(started.limits, wanted.limits, inForce.limits)].sort(),
    );
    expect([...omitted("($config.log | default dict)")].sort()).toEqual(
      [...changed(started.log, wanted.log, inForce.log)].sort(),
    );
  });
});

describe("the chart's page", () => {
  const page = readFileSync(join(CHART, "README.md"), "utf8");
  const rows = [...page.matchAll(/^\| `([a-zA-Z.]+)` +\| `(.*?)` +\| .+ \|$/gmu)].map(
    ([, name = "", value = ""]) => [name, JSON.parse(value) as unknown] as const,
  );

  /** Values by their path, as deep as the page goes. */
  function at(path: string): unknown {
    return path.split(".").reduce<unknown>((value, name) => (value as Values | undefined)?.[name], defaults);
  }

  /** Every path of the defaults down to what is no map, or an empty one. */
  function leaves(value: unknown, path: readonly string[] = []): readonly string[] {
    const isBranch = typeof value === "object" && value !== null && !Array.isArray(value);
    if (!isBranch || Object.keys(value).length === 0) return [path.join(".")];
    return Object.entries(value).flatMap(([name, inner]) => leaves(inner, [...path, name]));
  }

  it("has every value with its default", () => {
    expect(rows.length).toBeGreaterThan(50);
    for (const [name, value] of rows) expect({ name, value: at(name) }).toEqual({ name, value });
    const named = rows.map(([name]) => name);
    const missing = leaves(defaults).filter((leaf) => !named.some((name) => `${leaf}.`.startsWith(`${name}.`)));
    expect(missing).toEqual([]);
  });

  it("names every file of values", () => {
    expect(SHAPES.filter((shape) => !page.includes(`ci/${shape}-values.yaml`))).toEqual([]);
  });
});

describe("the chart", () => {
  it("has the version of the program", () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    expect(readValues(join(CHART, "Chart.yaml"))).toMatchObject({ version, appVersion: version });
  });
});
