import { afterAll, beforeEach, describe, expect, it } from "@jest/globals";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execFileSync } from "node:child_process";
import { startDevelopmentIssuer } from "../../dev/oidc-issuer.ts";
import { startService } from "../../src/compose/start-service.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { ask } from "../support/ask.ts";
import { runCli } from "../support/run-cli.ts";
import type { CliOutcome } from "../support/run-cli.ts";
import { makeTokenKey } from "../support/tokens.ts";

const root = mkdtempSync(join(tmpdir(), "mayfly-check-config-"));
let samples = root;
let count = 0;
beforeEach(() => {
  samples = join(root, `samples-${String((count += 1))}`);
  mkdirSync(samples);
});
afterAll(() => {
  rmSync(root, { recursive: true });
});

const CONFIG = join(root, "mayfly.yaml");
const ONCE = "https://once.example.com";
const CLOSED = "http://127.0.0.1:1";
const TEXT = `
environment: development
dataDirectory: data
http: { listen: "127.0.0.1:0" }
operations: { listen: "127.0.0.1:0" }
ca: { signer: { kind: memory } }
log: { origin: ca.example.com/log, store: { kind: memory }, signer: { kind: memory }, checkpointSigner: { kind: memory } }
issuers:
  - url: https://login.example.com
    identity: { kind: email }
    allow: [{ name: staff, claims: { department: [build, release] } }]
    deny: [{ name: guests, claims: { guest: true } }]
  - url: https://*.clusters.example.com/id/*
    identity: { kind: kubernetes }
  - url: https://once.example.com
    singleUse: true
    algorithms: [ES256]
    identity: { kind: email }
  - url: ${CLOSED}
    allowInsecureHttp: true
    allowPrivateNetwork: true
    identity: { kind: email }
`;

const EMAIL = {
  iss: "https://login.example.com",
  aud: "sigstore",
  sub: "u1",
  email: "alice@example.com",
  email_verified: true,
  department: "build",
};
const ACCOUNT = {
  iss: "https://eu.clusters.example.com/id/7",
  aud: "sigstore",
  sub: "system:serviceaccount:ci:builder",
  "kubernetes.io": { namespace: "ci", serviceaccount: { name: "builder" } },
};

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
/** A token that expired long ago, with a signature of nobody. */
const jwt = (claims: object, header: object = {}): string =>
  `${part({ alg: "RS256", kid: "k", ...header })}.${part({ iat: 1_700_000_000, exp: 1_700_000_600, ...claims })}.c2ln`;

function sample(name: string, content: unknown): void {
  writeFileSync(join(samples, name), typeof content === "string" ? content : JSON.stringify(content));
}

/** Nothing of the network is asked but what the test itself serves. */
const ON_THIS_MACHINE = TEXT.replace(/ {2}- url: https:\/\/once[\s\S]*?email \}\n/u, "");

function check(...args: string[]): Promise<CliOutcome> {
  writeFileSync(CONFIG, TEXT);
  return runCli(["check-config", CONFIG, ...args]);
}
const checkSamples = (...args: string[]): Promise<CliOutcome> => check("--tokens", samples, ...args);

describe("check-config", () => {
  it("judges the file alone, with its warnings", async () => {
    const { code, stdout, stderr } = await check();
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("warning: unsafe option in force: environment-development\n");
    expect(stdout).toContain(`${CONFIG}: good (development, 4 issuers)\n`);
  });

  it("gives it the name that a service does which is started with it", async () => {
    const { stdout } = await check("--json");
    const { digest } = JSON.parse(stdout) as { digest: string };
    expect((await check()).stdout).toContain(`\nsha256 of the configuration: ${digest}\n`);
    const service = await startService(loadConfig(CONFIG), { env: {}, destination: join(root, "log") });
    try {
      const { body } = await ask(`${service.operationsUrl}/readyz`);
      expect(body).toMatchObject({ configuration: { generation: 1, digest } });
    } finally {
      service.shutdown.stop();
      await service.shutdown.stopped;
    }
  });

  it.each([
    ["a blocklist", "clientKeys: { blocklist: none }\n"],
    ["authorities", TEXT.replace("identity: { kind: kubernetes }", "$&\n    caCertificate: none")],
    ["keys", TEXT.replace("identity: { kind: email }", "$&\n    jwksFile: none")],
  ])("refuses one whose file of %s is missing, as a service would", async (_, text) => {
    const file = join(root, "names.yaml");
    writeFileSync(file, text.startsWith("\n") ? text : TEXT + text);
    const { code, stdout, stderr } = await runCli(["check-config", file]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(`${join(root, "none")}: cannot be read`);
  });

  it("says of a bad file what is wrong by line, and looks at no sample", async () => {
    const file = join(root, "bad.yaml");
    writeFileSync(file, TEXT.replace("kind: kubernetes", "kind: kubernets"));
    expect(await runCli(["check-config", file, "--tokens", samples])).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining(`${file}:14: issuers[1].identity.kind: `) as unknown,
    });
  });

  it("says the certificate that a recorded token would get, and what was not looked at", async () => {
    sample("alice.jwt", `${jwt(EMAIL)}\n`);
    const { code, stdout } = await checkSamples();
    expect(code).toBe(0);
    expect(stdout).toContain(
      [
        "alice.jwt: a certificate (not looked at: signature, times)",
        "  identity: alice@example.com (email)",
        "  allowed by: staff of https://login.example.com, audience sigstore",
        "  Issuer: https://login.example.com",
        "  Issuer: https://login.example.com",
        "  Token Subject: u1",
      ].join("\n"),
    );
    expect(stdout).not.toContain(jwt(EMAIL).slice(0, 20));
  });

  it("takes claims without times, and issuers of a pattern", async () => {
    sample("account.json", ACCOUNT);
    const { code, stdout } = await checkSamples();
    expect(code).toBe(0);
    expect(stdout).toContain("  identity: https://kubernetes.io/namespaces/ci/serviceaccounts/builder (uri)\n");
    expect(stdout).toContain("  allowed by: any of https://eu.clusters.example.com/id/7, audience sigstore\n");
  });

  it.each<[name: string, content: unknown, reason: string]>([
    ["nobody's", { ...EMAIL, iss: "https://other.example.com" }, "ISSUER_UNKNOWN"],
    ["of a host that only begins like a pattern's", { ...ACCOUNT, iss: `${ACCOUNT.iss}/x` }, "ISSUER_UNKNOWN"],
    ["without an issuer", { ...EMAIL, iss: undefined }, "TOKEN_CLAIM_MISSING"],
    ["for somebody else", { ...EMAIL, aud: "other" }, "WRONG_AUDIENCE"],
    ["that no rule allows", { ...EMAIL, department: "sales" }, "CLAIM_RULE_NO_MATCH"],
    ["that a rule denies", { ...EMAIL, guest: true }, "CLAIM_RULE_DENIED"],
    ["with an address that nobody verified", { ...EMAIL, email_verified: false }, "TOKEN_EMAIL_UNVERIFIED"],
    ["of a host that is no name", { ...ACCOUNT, iss: "https://e_u.clusters.example.com/id/7" }, "ISSUER_UNKNOWN"],
    ["for one use that has no name", { ...EMAIL, iss: ONCE }, "TOKEN_CLAIM_MISSING"],
    ["of an algorithm that its entry does not have", jwt({ ...EMAIL, iss: ONCE, jti: "1" }), "TOKEN_ALGORITHM"],
    ["of another type", jwt(EMAIL, { typ: "at+jwt" }), "TOKEN_TYPE"],
    ["of an algorithm that is none", jwt(EMAIL, { alg: "none" }), "TOKEN_ALGORITHM"],
    ["that was valid for two days", jwt({ ...EMAIL, exp: 1_700_172_800 }), "TOKEN_LIFETIME_TOO_LONG"],
    ["without an end", { ...EMAIL, iat: 1_700_000_000 }, "TOKEN_CLAIM_MISSING"],
    ["with extensions that are too long", { ...EMAIL, sub: "s".repeat(1025) }, "TOKEN_CLAIM_INVALID"],
    ["that is no token", "not a token", "TOKEN_MALFORMED"],
    ["that is no JSON", "{ claims", "TOKEN_MALFORMED"],
    ["with a claim twice", '{"iss":"a","iss":"b"}', "TOKEN_MALFORMED"],
    ["that is empty", "", "TOKEN_MISSING"],
    ["that is too large", `{${" ".repeat(65_536)}}`, "TOKEN_TOO_LONG"],
  ])("refuses a token %s, with the reason and its page", async (_, content, reason) => {
    sample("token", content);
    const { code, stdout } = await checkSamples();
    expect(code).toBe(1);
    expect(stdout).toContain(`token: refused, ${reason}`);
    expect(stdout).toContain(`see docs/reasons/${reason}.md\n`);
  });

  it("judges every file by its name's order, but for folders and hidden ones", async () => {
    sample("b.json", EMAIL);
    sample("a.json", ACCOUNT);
    sample(".hidden", "not a token");
    mkdirSync(join(samples, "folder"));
    const { code, stdout } = await checkSamples("--json");
    expect(code).toBe(0);
    const { tokens, issuers } = JSON.parse(stdout) as { tokens: { file: string; outcome: string }[]; issuers: number };
    expect(issuers).toBe(4);
    expect(tokens.map(({ file, outcome }) => `${file} ${outcome}`)).toEqual([
      "a.json certificate",
      "b.json certificate",
    ]);
  });

  it("prints nothing that could command a terminal", async () => {
    sample("evil\u001b[2J.json", { ...EMAIL, iss: "https://other.example.com" });
    const { stdout } = await checkSamples();
    expect(stdout).toContain("evil\\u{1b}[2J.json: refused");
    expect(stdout).not.toContain("\u001b");
  });

  it.each([
    ["a folder that is not there", join(root, "nowhere")],
    ["a folder without samples", join(root, "empty")],
  ])("fails with %s", async (_, folder) => {
    mkdirSync(join(root, "empty"), { recursive: true });
    expect(await check("--tokens", folder)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(folder) as unknown,
    });
  });

  it("with --online asks the issuers, and says which of them did not answer", async () => {
    const file = join(root, "online.yaml");
    writeFileSync(file, ON_THIS_MACHINE.replace(/ {2}- url: https:\/\/login[\s\S]*guest: true.*\n/u, ""));
    sample("alice.jwt", jwt({ ...EMAIL, iss: CLOSED }));
    sample("claims.json", { ...EMAIL, iss: CLOSED });
    const { code, stdout } = await runCli(["check-config", file, "--tokens", samples, "--online"]);
    expect(code).toBe(1);
    expect(stdout).toContain(`${CLOSED}: DISCOVERY_FAILED`);
    expect(stdout).toContain("alice.jwt: refused, TOKEN_EXPIRED\n");
    expect(stdout).toContain("claims.json: a certificate (not looked at: signature, times)\n");
    expect(stdout).not.toContain("clusters.example.com: ");
  });

  it("with --online says how many keys issuers gave, and which nobody was asked for", async () => {
    const issuer = await startDevelopmentIssuer();
    try {
      const keySet = JSON.stringify({ keys: [makeTokenKey("ES256", "a").jwk, makeTokenKey("RS256", "b").jwk] });
      writeFileSync(join(root, "keys.json"), keySet);
      const file = join(root, "answering.yaml");
      const withFile = `https://login.example.com\n    jwksFile: keys.json`;
      writeFileSync(
        file,
        ON_THIS_MACHINE.replaceAll(CLOSED, issuer.url).replace("https://login.example.com", withFile),
      );
      sample("alice.jwt", await issuer.mintToken("email", { email: "alice@example.com" }));
      const args = ["check-config", file, "--tokens", samples, "--online"];
      const { code, stdout } = await runCli(args);
      expect(code).toBe(0);
      expect(stdout).toContain("https://login.example.com: 2 keys, from its file: nothing is fetched\n");
      expect(stdout).toMatch(new RegExp(`^${issuer.url}: [1-9] keys?, fetched$`, "mu"));
      expect(stdout).toContain("alice.jwt: a certificate\n");
      const { asked } = JSON.parse((await runCli([...args, "--json"])).stdout) as { asked: unknown[] };
      expect(asked).toContainEqual({ url: "https://login.example.com", keys: 2, isFromFile: true });
    } finally {
      await issuer.close();
    }
  });

  it("does not wait for a pipe among the samples", async () => {
    execFileSync("mkfifo", [join(samples, "pipe")]);
    const { code, stdout } = await checkSamples();
    expect(code).toBe(1);
    expect(stdout).toContain("pipe: refused, FILE_NOT_READ");
  });

  it("refuses a file that is no UTF-8, whose rules would compare other texts", async () => {
    const file = join(root, "latin1.yaml");
    writeFileSync(file, Buffer.from(TEXT.replace("release", "r\u00e9lease"), "latin1"));
    expect(await runCli(["check-config", file])).toMatchObject({ code: 1, stderr: `${file}: not UTF-8\n` });
  });

  it("needs a file", async () => {
    expect((await runCli(["check-config"])).code).toBe(2);
  });
});
