import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { createMemorySigner } from "../../../src/adapters/signers/memory.ts";
import { makeCaChain } from "../../../src/compose/make-ca.ts";
import { startService } from "../../../src/compose/start-service.ts";
import { loadConfig, parseConfig } from "../../../src/config/load-config.ts";
import { itWhen } from "../../support/it-when.ts";
import { operatorConfig, PASSPHRASE, publicKeyIn, writeOperatorKeys } from "../../support/operator-keys.ts";
import { runCli } from "../../support/run-cli.ts";
import type { CliOutcome } from "../../support/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "mayfly-rows-start-up-"));
const data = join(folder, "data");
const configFile = join(folder, "mayfly.yaml");

beforeAll(async () => {
  await writeOperatorKeys(folder);
});
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(data, { recursive: true, force: true });
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Starts the service with this configuration, which must be refused: exit code 1, nothing on standard output. */
async function refusedStart(text: string, env: Record<string, string> = {}): Promise<CliOutcome> {
  writeFileSync(configFile, text);
  const outcome = await runCli(["serve", "--config", configFile], { env });
  expect({ code: outcome.code, stdout: outcome.stdout }).toEqual({ code: 1, stdout: "" });
  expect(outcome.stderr).not.toContain(PASSPHRASE);
  expect(outcome.stderr).not.toMatch(/\n\s+at |BEGIN [A-Z ]*PRIVATE KEY/u);
  return outcome;
}

/** The operator's configuration with one replacement. */
function changed(from: string, to: string): string {
  const text = operatorConfig(folder);
  expect(text).toContain(from);
  return text.replace(from, () => to);
}

const ISSUER = `  - { url: "https://accounts.example.com", identity: { kind: email } }`;
const issuer = (settings: string): readonly [from: string, to: string] => [ISSUER, `  - { ${settings} }`];
const url = (text: string): readonly [from: string, to: string] =>
  issuer(`url: ${JSON.stringify(text)}, identity: { kind: email }`);
const LEVEL = "logging: { level: silent }";
const HTTP = `http: { listen: "127.0.0.1:0" }`;

interface Refusal {
  readonly row: string;
  readonly name: string;
  readonly change: readonly [from: string, to: string];
  readonly says: string;
}

const REFUSALS: readonly Refusal[] = [
  {
    row: "R1",
    name: "an unknown setting on top",
    change: [LEVEL, `${LEVEL}\nfoo: 1`],
    says: ": foo: unknown setting; did you mean log?",
  },
  {
    row: "R1",
    name: "a mistyped setting",
    change: [HTTP, `http: { lisen: "127.0.0.1:0" }`],
    says: ":2: http.lisen: unknown setting; did you mean listen?",
  },
  {
    row: "R1",
    name: "a mistyped setting inside a list",
    change: issuer(`url: "https://a.example", identity: { kind: email }, audiense: x`),
    says: "issuers[0].audiense: unknown setting; did you mean audience?",
  },
  { row: "R2", name: "a member twice", change: [LEVEL, `${LEVEL}\n${LEVEL}`], says: "Map keys must be unique" },
  { row: "R2", name: "an issuer twice", change: [ISSUER, `${ISSUER}\n${ISSUER}`], says: "issuers[1].url: this issuer" },
  { row: "R3", name: "no issuers", change: [`issuers:\n${ISSUER}`, "issuers: []"], says: "issuers: Too small" },
  { row: "R3", name: "issuers that are null", change: [`issuers:\n${ISSUER}`, "issuers: null"], says: "issuers: " },
  { row: "R4", name: "a tab for indentation", change: ["  origin:", "\torigin:"], says: "mayfly.yaml:" },
  { row: "R4", name: "an unknown tag", change: ["level: silent", "level: !env LEVEL"], says: "Unresolved tag" },
  { row: "R4", name: "two documents", change: [LEVEL, `${LEVEL}\n---\na: b`], says: "mayfly.yaml:" },
  {
    row: "R4",
    name: "a merge key",
    change: ["logging: {", 'logging: { "<<": {},'],
    says: "logging.<<: unknown setting",
  },
  { row: "R4", name: "no for a text", change: ["level: silent", "level: no"], says: "logging.level" },
  {
    row: "R4",
    name: "yes for a truth",
    change: issuer(`url: "https://a.example", identity: { kind: email }, allowPrivateNetwork: yes`),
    says: "issuers[0].allowPrivateNetwork: Invalid input: expected boolean",
  },
  {
    row: "R6",
    name: "an unknown kind",
    change: issuer(`url: "https://a.example", identity: { kind: pigeon }`),
    says: "issuers[0].identity.kind",
  },
  {
    row: "R6",
    name: "no kind",
    change: issuer(`url: "https://a.example", identity: {}`),
    says: "issuers[0].identity.kind",
  },
  {
    row: "R7",
    name: "an option that its kind does not have",
    change: issuer(`url: "https://a.example", identity: { kind: github-actions, emailTrust: unverified }`),
    says: "issuers[0].identity.emailTrust: unknown setting",
  },
  {
    row: "R7",
    name: "a claim for a kind that reads none",
    change: issuer(`url: "https://a.example", identity: { kind: kubernetes, issuerClaim: "$.a" }`),
    says: "issuers[0].identity.issuerClaim: unknown setting",
  },
  { row: "FC56", name: "no issuers", change: [`issuers:\n${ISSUER}`, "issuers: []"], says: "issuers: Too small" },
  {
    row: "J7",
    name: "two patterns with a URL in common",
    change: [
      ISSUER,
      `  - { url: "https://*.x.example/a", identity: { kind: email } }\n` +
        `  - { url: "https://a.x.example/*", identity: { kind: email } }`,
    ],
    says: "issuers[1].url: there are URLs that both https://a.x.example/* and https://*.x.example/a match",
  },
  { row: "J8", name: "a pattern of a whole domain", change: url("https://*.com"), says: "last two labels of the host" },
  { row: "J8", name: "a pattern of nothing else", change: url("*"), says: "expected an https URL" },
  { row: "J8", name: "a pattern without a scheme", change: url("*.x.example.com"), says: "expected an https URL" },
  { row: "J8", name: "a pattern over http", change: url("http://*.x.example.com"), says: "expected an https URL" },
  {
    row: "R9b",
    name: "a permission for wildcards without one",
    change: issuer(`url: "https://a.example", identity: { kind: email }, allowBroadWildcard: true`),
    says: "is for a pattern, and this URL has no star",
  },
  {
    row: "R9b",
    name: "two stars in a row",
    change: url("https://a.example.com/**"),
    says: "two in a row say nothing more",
  },
  {
    row: "R9b",
    name: "a pattern with escapes",
    change: url("https://a.example.com/%2a/*"),
    says: "stars inside labels",
  },
  { row: "F4", name: "an issuer without a scheme", change: url("accounts.google.com"), says: "expected an https URL" },
  { row: "R8", name: "an http issuer", change: url("http://a.example"), says: "issuers[0].url: expected an https URL" },
  {
    row: "R8",
    name: "http off loopback in development",
    change: [
      operatorConfig(folder),
      operatorConfig(folder)
        .replace("dataDirectory:", "environment: development\ndataDirectory:")
        .replace(
          ISSUER,
          `  - { url: "http://10.0.0.1", identity: { kind: email }, allowInsecureHttp: true, allowPrivateNetwork: true }`,
        ),
    ],
    says: "issuers[0].url: an issuer without TLS must be on a loopback address",
  },
  { row: "R8", name: "a query", change: url("https://a.example?b"), says: "no query, fragment or user information" },
  { row: "R8", name: "a fragment", change: url("https://a.example#b"), says: "no query, fragment or user information" },
  {
    row: "R8",
    name: "user information",
    change: url("https://me@a.example"),
    says: "no query, fragment or user information",
  },
  { row: "R8", name: "a space", change: url("https://a.example/b c"), says: "printable ASCII" },
  { row: "R8", name: "a host in another script", change: url("https://íssuer.example"), says: "printable ASCII" },
  {
    row: "R8",
    name: "http outside development",
    change: issuer(
      `url: "http://127.0.0.1:1", identity: { kind: email }, allowInsecureHttp: true, allowPrivateNetwork: true`,
    ),
    says: "allowInsecureHttp: an issuer without TLS is allowed only with environment: development",
  },
  { row: "R9", name: "a wildcard in the port", change: url("https://a.example.com:*"), says: "stars inside labels" },
  { row: "R9", name: "a wildcard for a scheme", change: url("*://a.example.com"), says: "expected an https URL" },
  {
    row: "R9",
    name: "a base URL that is none",
    change: issuer(`url: "https://a.example", identity: { kind: github-actions, baseUrl: "https://*.example/(" }`),
    says: "issuers[0].identity.baseUrl: expected https://host",
  },
  {
    row: "R13",
    name: "no algorithms",
    change: [LEVEL, `${LEVEL}\nclientKeys: { algorithms: [] }`],
    says: "clientKeys.algorithms: Too small",
  },
  {
    row: "R13",
    name: "an unknown algorithm",
    change: [LEVEL, `${LEVEL}\nclientKeys: { algorithms: [rot13] }`],
    says: "clientKeys.algorithms[0]",
  },
  ...["-1", "0", ".nan", ".inf", '"10 parsecs"', "60.5", "3601", "1e400"].map((value): Refusal => ({
    row: "R14",
    name: `a lifetime of ${value}`,
    change: ["ca: {", `ca: { lifetimeSeconds: ${value},`],
    says: "ca.lifetimeSeconds",
  })),
  {
    row: "R14",
    name: "a drain of no time",
    change: ["lameDuckSeconds: 0", "lameDuckSeconds: 0, drainSeconds: 0"],
    says: "shutdown.drainSeconds",
  },
  ...[
    ["limits: { requestsInFlight: 0 }", "limits.requestsInFlight"],
    ["limits: { connections: -1 }", "limits.connections"],
    ["limits: { queueSeconds: 0 }", "limits.queueSeconds"],
    ["limits: { requestSeconds: .nan }", "limits.requestSeconds"],
    ["limits: { stages: { tokenSeconds: -2.5 } }", "limits.stages.tokenSeconds"],
    ['limits: { stages: { logSeconds: "2 s" } }', "limits.stages.logSeconds"],
    ["limits: { rates: { reads: { burst: 1e400 } } }", "limits.rates.reads.burst"],
    ["limits: { rates: { signing: { perSecond: 0 } } }", "limits.rates.signing.perSecond"],
  ].map(([limits = "", says = ""]): Refusal => ({
    row: "R14",
    name: limits,
    change: ["limits: { rates: { enabled: false } }", limits],
    says,
  })),
  ...["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "ca.example.com:0"].flatMap((listen): Refusal[] => [
    {
      row: "R14",
      name: `port 0 of ${listen}`,
      change: [HTTP, `http: { listen: "${listen}", allowPlainHttpOffLoopback: true }`],
      says: "http.listen: port 0 stands for any port",
    },
    {
      row: "R14",
      name: `port 0 of ${listen} for operators`,
      change: [`operations: { listen: "127.0.0.1:0" }`, `operations: { listen: "${listen}" }`],
      says: "operations.listen: port 0 stands for any port",
    },
  ]),
  {
    row: "R14",
    name: "port 70000",
    change: [HTTP, `http: { listen: "127.0.0.1:70000" }`],
    says: "a port is at most 65535",
  },
  {
    row: "R14",
    name: "no port",
    change: [HTTP, `http: { listen: "127.0.0.1" }`],
    says: "http.listen: expected host:port",
  },
  {
    row: "R14",
    name: "one port for both listeners",
    change: [
      `${HTTP}\noperations: { listen: "127.0.0.1:0" }`,
      `http: { listen: "127.0.0.1:1" }\noperations: { listen: "127.0.0.1:1" }`,
    ],
    says: "operations.listen: the same address as http.listen",
  },
  {
    row: "O12",
    name: "no log",
    change: [operatorConfig(folder).split("\n").slice(4, 9).join("\n"), ""],
    says: "log: ",
  },
  {
    row: "O12",
    name: "a log that is off",
    change: [operatorConfig(folder).split("\n").slice(4, 9).join("\n"), "log: off"],
    says: "log: ",
  },
  {
    row: "O12",
    name: "a wish for no log",
    change: [LEVEL, `${LEVEL}\nallowUnlogged: true`],
    says: "allowUnlogged: unknown setting",
  },
  {
    row: "R20",
    name: "a passphrase in the configuration",
    change: [`passphrase: { file: ${join(folder, "passphrase")} }`, `passphrase: "${PASSPHRASE}"`],
    says: "passphrase",
  },
];

describe("a configuration that is refused", () => {
  it.each(REFUSALS)("[$row] says $name, and nothing is opened", async ({ change, says }) => {
    const { stderr } = await refusedStart(changed(...change));
    expect(stderr).toContain(says);
    expect(existsSync(data)).toBe(false);
  });

  it.each(["", "null", "42", "[]", "# nothing\n"])("[R3] is %j", async (text) => {
    expect((await refusedStart(text)).stderr).toContain("expected a mapping");
  });

  it("[R4] holds an alias bomb", async () => {
    const layers = "bcdefghij".split("").map((name, at) => {
      const below = Array(9).fill(`*${"abcdefghi"[at]!}`);
      return `${name}: &${name} [${below.join(",")}]`;
    });
    const bomb = ["a: &a [x,x,x,x,x,x,x,x,x]", ...layers].join("\n");
    expect((await refusedStart(bomb)).stderr).toMatch(/alias/iu);
  });

  it("[R4] resolves what aliases stand for", () => {
    const text = operatorConfig(folder)
      .replace(LEVEL, "logging: { level: *quiet }")
      .replace("dataDirectory:", "ca2: &quiet silent\ndataDirectory:");
    // The anchor has to stand somewhere: here at a setting of its own, which is then the only thing that is wrong.
    expect(() => parseConfig(text, "c.yaml")).toThrow(/^c\.yaml:1: ca2: unknown setting[^\n]*$/u);
  });

  it.each<[string, () => string]>([
    ["that is not there", () => join(folder, "none.yaml")],
    ["that is a folder", () => folder],
    [
      "of more than 1 MiB",
      () => {
        const file = join(folder, "large.yaml");
        writeFileSync(file, "#".repeat(1024 * 1024 + 1));
        return file;
      },
    ],
    [
      "that is a named pipe, without waiting for it",
      () => {
        const file = join(folder, "config-pipe");
        execFileSync("mkfifo", [file]);
        return file;
      },
    ],
  ])("[R15] stands in a file %s", async (_name, file) => {
    const { code, stderr } = await runCli(["serve", "--config", file()]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/(cannot be read|not a regular file|larger than 1048576 bytes)[^\n]*\n$/u);
  });

  const [itUnprivileged, skipped] = itWhen(process.getuid?.() !== 0, "the superuser may read any file");
  itUnprivileged(`[R15] stands in a file that may not be read${skipped}`, async () => {
    const file = join(folder, "closed.yaml");
    writeFileSync(file, "");
    chmodSync(file, 0o000);
    const { code, stderr } = await runCli(["serve", "--config", file]);
    expect(code).toBe(1);
    expect(stderr).toContain("cannot be read: EACCES");
  });

  it.each<[string, string, string]>([
    ["garbage", "garbage", "expected certificates in PEM and nothing else"],
    ["a certificate that is none", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be read"],
    [
      "a private key",
      "-----BEGIN PRIVATE KEY-----\nc2VjcmV0LWtleQ==\n-----END PRIVATE KEY-----\n",
      "expected certificates",
    ],
  ])("[R10] trusts %s for an issuer's TLS", async (_name, text, says) => {
    await runCli(["log", "init", "--config", writeConfig(operatorConfig(folder))]);
    const ca = join(folder, "issuer-ca.pem");
    writeFileSync(ca, text);
    const { stderr } = await refusedStart(
      changed(...issuer(`url: "https://a.example", identity: { kind: email }, caCertificate: ${ca}`)),
    );
    expect(stderr).toContain(says);
    expect(stderr).not.toContain("c2VjcmV0");
  });
});

function writeConfig(text: string): string {
  writeFileSync(configFile, text);
  return configFile;
}

/** Starts the service, does something while it runs, and gives everything it wrote to its log. */
async function logOf(
  text: string,
  env: Record<string, string> = {},
  whileItRuns: (urls: { publicUrl: string; operationsUrl: string }) => Promise<void> = () => Promise.resolve(),
): Promise<string> {
  const destination = join(folder, "log.jsonl");
  rmSync(destination, { force: true });
  const service = await startService(loadConfig(writeConfig(text)), { env, destination });
  await whileItRuns(service);
  service.shutdown.stop();
  expect(await service.shutdown.stopped).toBe(0);
  return existsSync(destination) ? readFileSync(destination, "utf8") : "";
}
const loud = (text: string): string => text.replace("level: silent", "level: debug");

describe("what a start tells", () => {
  it("[R10] names an authority for an issuer's TLS that has expired, and starts", async () => {
    const ca = join(folder, "expired.pem");
    const [root, issuing] = [createMemorySigner("ecdsa-p384-sha384"), createMemorySigner("ecdsa-p256-sha256")];
    writeFileSync(ca, await makeCaChain({ organization: "Old", root, issuing, nowMs: Date.UTC(2010, 0, 1) }));
    const text = changed(...issuer(`url: "https://a.example", identity: { kind: email }, caCertificate: ${ca}`));
    await runCli(["log", "init", "--config", writeConfig(text)]);
    const log = await logOf(loud(text));
    expect(log).toContain("a certificate authority trusted for an issuer's TLS has expired");
    expect(log).toContain('"issuer":"https://a.example","expired":"2012-12-31T00:00:00.000Z"');
  });

  it("is refused while the environment has Node.js check no server's certificate", async () => {
    const destination = join(folder, "unchecked.jsonl");
    const config = loadConfig(writeConfig(loud(operatorConfig(folder))));
    const refused = startService(config, { env: { NODE_TLS_REJECT_UNAUTHORIZED: "0" }, destination });
    await expect(refused).rejects.toMatchObject({ code: "internal", reason: "TLS_NOT_CHECKED" });
    expect(readFileSync(destination, "utf8")).toContain("NODE_TLS_REJECT_UNAUTHORIZED=0 is set");
  });

  it("[R20] holds no passphrase, wherever it came from", async () => {
    const text = loud(operatorConfig(folder)).replaceAll(/\{ file: [^}]*passphrase \}/gu, "{ env: MAYFLY_PASSPHRASE }");
    const env = { MAYFLY_PASSPHRASE: PASSPHRASE };
    expect((await runCli(["log", "init", "--config", writeConfig(text)], { env })).code).toBe(0);
    let answers = "";
    const log = await logOf(text, env, async ({ publicUrl, operationsUrl }) => {
      for (const at of [`${publicUrl}/api/v2/configuration`, `${operationsUrl}/metrics`, `${operationsUrl}/readyz`]) {
        answers += await (await globalThis.fetch(at)).text();
      }
    });
    for (const said of [log, answers]) {
      expect(said.length).toBeGreaterThan(0);
      expect(said).not.toContain(PASSPHRASE);
      expect(said).not.toContain("MAYFLY_PASSPHRASE");
    }
  });

  it("[R20] [N13] offers no command an option for a passphrase itself", async () => {
    for (const command of [["serve"], ["log", "init"], ["key", "create"], ["ca", "create"]]) {
      const { stdout } = await runCli([...command, "--help"]);
      expect(stdout.length).toBeGreaterThan(0);
      expect(stdout).not.toMatch(/--pass(?!phrase-file)/u);
    }
  });

  it("[R21] names each setting that weakens safety, and exports it", async () => {
    const text = loud(operatorConfig(folder))
      .replace("dataDirectory:", "environment: development\ndataDirectory:")
      .replace(
        ISSUER,
        `  - { url: "http://127.0.0.1:1", identity: { kind: email, emailTrust: unverified }, allowInsecureHttp: true, allowPrivateNetwork: true }
  - { url: "https://kubernetes.*.svc", identity: { kind: email }, allowBroadWildcard: true }
  - { url: "https://gitlab.com", identity: { kind: email }, allow: any }`,
      );
    let metrics = "";
    const log = await logOf(text, {}, async ({ operationsUrl }) => {
      metrics = await (await globalThis.fetch(`${operationsUrl}/metrics`)).text();
    });
    const names = [
      "environment-development",
      "log-on-any-filesystem",
      "rate-limits-off",
      "issuer-on-private-network",
      "issuer-by-broad-wildcard",
      "issuer-shared-without-rules",
      "issuer-without-tls",
      "email-verification-skipped",
    ];
    for (const name of names) {
      expect(log).toContain(`"setting":"${name}"`);
      expect(metrics).toContain(`mayfly_unsafe_option{name="${name}"} 1`);
    }
  });

  it("[N9] [I4] [I5] exports when the CA's chain ends and what is wrong with issuers' keys, so that it can be told early", async () => {
    const text = operatorConfig(folder);
    await runCli(["log", "init", "--config", writeConfig(text)]);
    let metrics = "";
    await logOf(text, {}, async ({ operationsUrl }) => {
      metrics = await (await globalThis.fetch(`${operationsUrl}/metrics`)).text();
    });
    expect(metrics).toContain('mayfly_issuer_key_faults{fault="secret"} 0\n');
    const seconds = Number(/^mayfly_ca_not_after_timestamp_seconds (\S+)$/mu.exec(metrics)?.[1]);
    const threeYears = 3 * 365 * 86_400;
    expect(Math.abs(seconds - Date.now() / 1000 - threeYears)).toBeLessThan(3600);
  });

  it("[S3] comes at once with a thousand issuers, none of which was asked anything", async () => {
    const many = Array.from(
      { length: 1_000 },
      (_, n) => `  - { url: "https://i${String(n)}.example", identity: { kind: email } }`,
    );
    const text = operatorConfig(folder).replace(ISSUER, many.join("\n"));
    await runCli(["log", "init", "--config", writeConfig(text)]);
    const fetches = jest.spyOn(globalThis, "fetch");
    await logOf(text, {}, async ({ operationsUrl, publicUrl }) => {
      expect((await globalThis.fetch(`${operationsUrl}/readyz`)).status).toBe(200);
      const configuration = await (await globalThis.fetch(`${publicUrl}/api/v2/configuration`)).text();
      expect(configuration.match(/"issuerUrl"/gu)).toHaveLength(1_000);
    });
    expect(fetches).toHaveBeenCalledTimes(2);
  });
});

describe("a key file that is refused", () => {
  const start = (file: string, passphrase = PASSPHRASE): Promise<CliOutcome> =>
    refusedStart(
      operatorConfig(folder)
        .replace(join(folder, "issuing.json"), file)
        .replaceAll(/\{ file: [^}]*passphrase \}/gu, "{ env: MAYFLY_PASSPHRASE }"),
      { MAYFLY_PASSPHRASE: passphrase },
    );
  const publicKeyOf = (name: string): string => publicKeyIn(join(folder, `${name}.json`)).toString("base64");
  const write = (text: string): string => {
    const file = join(folder, "changed.json");
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };

  it("[N13] has another passphrase, which is not told", async () => {
    const { stderr } = await start(join(folder, "issuing.json"), "a wrong guess at it");
    expect(stderr).toContain("does not open: the passphrase is wrong, or the file was changed");
    expect(stderr).not.toContain("wrong guess");
  });

  it("[N13] names another public key than it holds", async () => {
    const { stderr } = await start(
      write(readFileSync(join(folder, "issuing.json"), "utf8").replace(publicKeyOf("issuing"), publicKeyOf("log"))),
    );
    expect(stderr).toContain("does not open: the passphrase is wrong, or the file was changed");
  });

  it("[N13] was replaced half-way", async () => {
    const text = readFileSync(join(folder, "issuing.json"), "utf8");
    expect((await start(write(text.slice(0, text.length / 2)))).stderr).toMatch(
      /ca\.signer .*changed\.json: .*is not JSON/u,
    );
  });

  it("[N13] [N8] is a good one of another key than the chain's", async () => {
    const text = readFileSync(join(folder, "log.json"), "utf8");
    expect((await start(write(text))).stderr).toContain("ecdsa public keys are not equal");
  });
});

describe("a machine's clock", () => {
  it.each([
    ["1970", 1_000],
    ["2100", Date.UTC(2100, 0, 1)],
  ])("[Q2] that shows %s lets nothing start", async (_year, nowMs) => {
    await runCli(["log", "init", "--config", writeConfig(operatorConfig(folder))]);
    jest.spyOn(Date, "now").mockReturnValue(nowMs);
    const { stderr } = await refusedStart(operatorConfig(folder));
    expect(stderr).toMatch(/^mayfly: ca\.chain .*chain\.pem: /u);
  });

  it("[Q2] that is behind what the log has signed lets nothing start, and later it starts", async () => {
    const older = join(folder, "older");
    mkdirSync(older);
    await writeOperatorKeys(older, Date.now() - 10 * 86_400_000);
    const text = operatorConfig(older);
    await runCli(["log", "init", "--config", writeConfig(text)]);
    const now = Date.now();
    jest.spyOn(Date, "now").mockReturnValue(now - 86_400_000);
    const { stderr } = await refusedStart(text);
    expect(stderr).toMatch(/^mayfly: [^\n]*the clock is 86400 s behind the log's newest time[^\n]*\n$/u);
    jest.restoreAllMocks();
    expect((await runCli(["config", "check", "--config", configFile])).code).toBe(0);
    await logOf(text);
  });

  it("[Q1] that jumps while it is read makes the service not ready", async () => {
    const text = operatorConfig(folder);
    await runCli(["log", "init", "--config", writeConfig(text)]);
    await logOf(text, {}, async ({ operationsUrl }) => {
      expect((await globalThis.fetch(`${operationsUrl}/readyz`)).status).toBe(200);
      const { now } = Date;
      jest.spyOn(Date, "now").mockImplementation(() => now.call(Date) + 3_600_000);
      const answer = await globalThis.fetch(`${operationsUrl}/readyz`);
      expect(answer.status).toBe(503);
      expect(await answer.json()).toMatchObject({
        checks: expect.arrayContaining([{ name: "log", ok: false, detail: "LOG_CLOCK" }]) as unknown,
      });
      expect((await globalThis.fetch(`${operationsUrl}/livez`)).status).toBe(200);
    });
  });
});
