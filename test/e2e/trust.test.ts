import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hash, X509Certificate } from "node:crypto";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { ClientTrustConfig, SigningConfig, TrustedRoot } from "@sigstore/protobuf-specs";
import request from "supertest";
import { signFile } from "../../dev/sign-file.ts";
import type { SignedFile } from "../../dev/sign-file.ts";
import { verifyBundleUnder } from "../../dev/verify-bundle.ts";
import { TRUST_FILE_NAMES } from "../../src/trust/trust-file-names.ts";
import { openssl } from "../support/openssl.ts";
import { operatorConfig, writeOperatorKeys } from "../support/operator-keys.ts";
import { runCli } from "../support/run-cli.ts";
import { ANCHORS, configText, startTestService } from "../support/service.ts";
import type { TestService } from "../support/service.ts";

const IDENTITY = "signer@example.com";
const TRUST = 'trust: { publicUrl: "https://ca.example.com", operator: example.com }\n';
const folder = mkdtempSync(join(tmpdir(), "mayfly-trust-"));
const configFile = join(folder, "mayfly.yaml");

let mayfly: TestService;
let signed: SignedFile;

beforeAll(async () => {
  mayfly = await startTestService(TRUST);
  writeFileSync(configFile, configText(mayfly.issuer, mayfly.config.dataDirectory) + TRUST);
  const artifact = join(folder, "artifact");
  writeFileSync(artifact, "an artifact\n");
  signed = await signFile(artifact, mayfly.service.publicUrl, () =>
    mayfly.issuer.mintToken("email", { email: IDENTITY }),
  );
});

afterAll(async () => {
  await mayfly.close();
  rmSync(folder, { recursive: true });
});

async function served(name: string): Promise<string> {
  const answer = await request(mayfly.service.publicUrl).get(`/trust/${name}`).responseType("arraybuffer");
  expect(answer.status).toBe(200);
  return Buffer.from(answer.body as Uint8Array).toString("utf8");
}

const trustedRoot = async (): Promise<TrustedRoot> =>
  TrustedRoot.fromJSON(JSON.parse(await served("trusted_root.json")));

describe("the trusted root of a running service", () => {
  it("has Sigstore's verifier accept what the service certified, with its SCT", async () => {
    verifyBundleUnder(await trustedRoot(), signed, IDENTITY);
  });

  it("has it refuse another identity", async () => {
    const root = await trustedRoot();
    expect(() => {
      verifyBundleUnder(root, signed, "somebody.else@example.com");
    }).toThrow(/^certificate identity error/u);
  });

  it.each<[string, (root: TrustedRoot) => void, RegExp]>([
    [
      "its log's key has given way to another log's",
      ({ ctlogs: [log] }) => {
        log!.logId!.keyId = Buffer.alloc(32, 7);
      },
      /^SCT verification failed$/u,
    ],
    [
      "the log was closed before the certificate was issued",
      ({ ctlogs: [log] }) => {
        log!.publicKey!.validFor = { start: new Date(0), end: new Date("2026-01-01T00:00:00Z") };
      },
      /^SCT verification failed$/u,
    ],
    [
      "the CA was closed before the certificate was issued",
      ({ certificateAuthorities: [ca] }) => {
        ca!.validFor = { start: new Date(0), end: new Date("2026-01-01T00:00:00Z") };
      },
      /^Failed to verify certificate chain$/u,
    ],
    [
      "the CA's root is missing",
      ({ certificateAuthorities: [ca] }) => {
        ca!.certChain!.certificates.pop();
      },
      /^Failed to verify certificate chain$/u,
    ],
  ])("has it refuse when %s", async (_, change, says) => {
    const root = await trustedRoot();
    change(root);
    expect(() => {
      verifyBundleUnder(root, signed, IDENTITY);
    }).toThrow(says);
  });

  it("has it refuse under the root of another Mayfly", async () => {
    const other = mkdtempSync(join(tmpdir(), "mayfly-trust-other-"));
    await writeOperatorKeys(other);
    const text = readFileSync(configFile, "utf8").replace(/[^ ]*keys-dev\/chain\.pem/u, join(other, "chain.pem"));
    const file = join(other, "mayfly.yaml");
    writeFileSync(file, text);
    const { code, stdout } = await runCli(["trust", "trusted-root", "--config", file]);
    rmSync(other, { recursive: true });
    expect(code).toBe(0);
    expect(() => {
      verifyBundleUnder(TrustedRoot.fromJSON(JSON.parse(stdout)), signed, IDENTITY);
    }).toThrow(/^Failed to verify certificate chain$/u);
  });

  describe("after the CA and the log were replaced", () => {
    const next = mkdtempSync(join(tmpdir(), "mayfly-trust-next-"));
    const oldKey = join(next, "old-log.pub");

    beforeAll(async () => {
      await writeOperatorKeys(next);
      writeFileSync(oldKey, await served("ct_log.pem"));
    });
    afterAll(() => {
      rmSync(next, { recursive: true });
    });

    /** Of a new CA with a new log, which remember the old ones until these times. */
    async function laterRoot(endOfCa: string, endOfLog: string): Promise<TrustedRoot> {
      const settings = `${TRUST.trim().replace(/ \}$/u, "")},
        otherAuthorities: [{ chain: ${resolve("keys-dev", "chain.pem")}, end: ${endOfCa} }],
        otherLogs: [{ baseUrl: "https://old.example.com", publicKey: ${oldKey}, end: ${endOfLog} }] }\n`;
      const file = join(next, "mayfly.yaml");
      writeFileSync(file, operatorConfig(next) + settings);
      const { code, stdout, stderr } = await runCli(["trust", "trusted-root", "--config", file]);
      expect([code, stderr]).toEqual([0, ""]);
      return TrustedRoot.fromJSON(JSON.parse(stdout));
    }

    /** Just after the old CA was made, and long after what it certified here. */
    const EARLY = new Date(new X509Certificate(ANCHORS.chainPem).validFromDate.getTime() + 1_000).toISOString();
    const LATE = new Date(Date.now() + 86_400_000).toISOString();

    it("has it accept what they certified in their time", async () => {
      verifyBundleUnder(await laterRoot(LATE, LATE), signed, IDENTITY);
    });

    it.each([
      ["CA", EARLY, LATE, /^Failed to verify certificate chain$/u],
      ["log", LATE, EARLY, /^SCT verification failed$/u],
    ])("has it refuse what the old %s certified after its end", async (_, endOfCa, endOfLog, says) => {
      const root = await laterRoot(endOfCa, endOfLog);
      expect(() => {
        verifyBundleUnder(root, signed, IDENTITY);
      }).toThrow(says);
    });
  });

  it("is what protobuf-specs writes for it again, but for its order", async () => {
    const text = await served("trusted_root.json");
    const again: unknown = TrustedRoot.toJSON(TrustedRoot.fromJSON(JSON.parse(text)));
    expect(withoutFractions(again)).toEqual(withoutEmpty(JSON.parse(text)));
  });
});

describe("the other trust files", () => {
  it("send signers to the CA and its issuers", async () => {
    const config = SigningConfig.fromJSON(JSON.parse(await served("signing_config.v0.2.json")));
    expect(config.caUrls).toMatchObject([
      { url: "https://ca.example.com", majorApiVersion: 1, operator: "example.com" },
    ]);
    expect(config.oidcUrls.map(({ url }) => url)).toEqual([mayfly.issuer.url]);
    expect([config.rekorTlogConfig, config.tsaConfig]).toEqual([undefined, undefined]);
  });

  it("hold both in one", async () => {
    const { trustedRoot: root, signingConfig } = ClientTrustConfig.fromJSON(
      JSON.parse(await served("client_trust_config.json")),
    );
    expect(root).toEqual(await trustedRoot());
    expect(signingConfig).toEqual(SigningConfig.fromJSON(JSON.parse(await served("signing_config.v0.2.json"))));
  });

  it("are the CA's chain and the log's keys as others read them", async () => {
    expect(await served("chain.pem")).toBe(ANCHORS.chainPem);
    const [active, all] = [await served("ct_log.pem"), await served("ct_logs.pem")];
    expect(all).toBe(active);
    expect(openssl(["pkey", "-pubin", "-outform", "PEM"], Buffer.from(active))).toBe(active);
    expect(active).toContain(ANCHORS.logPublicKey.toString("base64").slice(0, 64));
  });

  it("have the chain that both versions of the API give, certificate by certificate", async () => {
    const { publicUrl } = mayfly.service;
    const pems = (text: string): readonly string[] => text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END.*/gu) ?? [];
    const chain = await served("chain.pem");
    expect(`${pems(chain).join("\n")}\n`).toBe(chain);
    const v1 = await request(publicUrl).get("/api/v1/rootCert").buffer(true);
    expect(pems(v1.text)).toEqual(pems(chain));
    const { chains } = (await request(publicUrl).get("/api/v2/trustBundle")).body as {
      readonly chains: readonly { readonly certificates: readonly string[] }[];
    };
    expect(chains.map(({ certificates }) => certificates)).toEqual([pems(chain).map((pem) => `${pem}\n`)]);
    const [authority] = (await trustedRoot()).certificateAuthorities;
    expect(authority?.certChain?.certificates.map(({ rawBytes }) => rawBytes)).toEqual(
      pems(chain).map((pem) => new X509Certificate(pem).raw),
    );
  });

  it("say what to compare", async () => {
    const root = new X509Certificate(ANCHORS.chainPem.slice(ANCHORS.chainPem.lastIndexOf("-----BEGIN")));
    const files = ["trusted_root.json", "signing_config.v0.2.json", "client_trust_config.json"];
    const hashes = await Promise.all(files.map(async (name) => hash("sha256", await served(name), "hex")));
    expect((await served("fingerprints.txt")).split("\n")).toEqual([
      `${root.fingerprint256.replaceAll(":", "").toLowerCase()}  root certificate  Mayfly development root`,
      `${hash("sha256", ANCHORS.logPublicKey, "hex")}  log key           https://localhost/test-log`,
      ...files.map((name, at) => `${String(hashes[at])}  file              ${name}`),
      "",
    ]);
  });
});

describe("mayfly trust", () => {
  it.each([
    ["trusted-root", [], "trusted_root.json"],
    ["signing-config", [], "signing_config.v0.2.json"],
    ["client-trust-config", [], "client_trust_config.json"],
    ["chain", [], "chain.pem"],
    ["log-keys", ["--active"], "ct_log.pem"],
    ["log-keys", [], "ct_logs.pem"],
    ["fingerprints", [], "fingerprints.txt"],
  ])("%s %j prints what the service has as %s", async (command, more, name) => {
    const bytes = await served(name);
    expect(await runCli(["trust", command, "--config", configFile, ...more])).toEqual({
      code: 0,
      stdout: bytes,
      stderr: "",
    });
    const out = join(folder, name);
    writeFileSync(out, "what was there before");
    expect((await runCli(["trust", command, "-c", configFile, ...more, "-o", out])).code).toBe(0);
    expect(readFileSync(out, "utf8")).toBe(bytes);
  });

  it("refuses where the log that is there is another than the configuration says", async () => {
    const file = join(folder, "other-origin.yaml");
    writeFileSync(file, readFileSync(configFile, "utf8").replace("localhost/test-log", "localhost/other-log"));
    const { code, stdout, stderr } = await runCli(["trust", "trusted-root", "--config", file]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(
      /^mayfly: .* is the log localhost\/test-log, log\.origin is localhost\/other-log \(LOG_WRONG_KEY\)\n$/u,
    );
  });

  it("makes them before the log is there", async () => {
    const data = join(folder, "no-log-yet");
    const file = join(folder, "no-log-yet.yaml");
    writeFileSync(file, readFileSync(configFile, "utf8").replace(mayfly.config.dataDirectory, data));
    expect((await runCli(["trust", "trusted-root", "--config", file])).stdout).toBe(await served("trusted_root.json"));
  });
});

it("makes of the development configuration these very bytes, whose change is felt by whoever compares fingerprints", async () => {
  const file = join(folder, "development.yaml");
  const text = readFileSync("config/mayfly.dev.yaml", "utf8");
  const data = join(folder, "development");
  writeFileSync(file, text.replace("../.mayfly/dev", data).replaceAll("../keys-dev", resolve("keys-dev")));
  const { stdout } = await runCli(["trust", "fingerprints", "--config", file]);
  expect(stdout.split("\n")).toEqual([
    "b80017541db6eab2e74a7edd3f01017c1c90ecbefef554af3e360e0564538d02  root certificate  Mayfly development root",
    "390b096453b0e1204dc9b24a9b21fe24b5c54a8cbd51b9bf5254c4a82819e9a6  log key           https://localhost/mayfly-dev",
    "d43231159faddc1af8499fbfae42b86b44a5c29931dd1d77d7ff80e6f0a0aa2b  file              trusted_root.json",
    "d6851c7f105890275ed3b7e94be9c2c2a9cd899b65bcdea0c54c67e637e4352f  file              signing_config.v0.2.json",
    "fcd0d960ac36b9d2cf40ff8018b8cc4d0d698ae13be241f8d811367b7eed5b7c  file              client_trust_config.json",
    "",
  ]);
});

it("serves every trust file", async () => {
  for (const name of TRUST_FILE_NAMES) expect((await served(name)).length).toBeGreaterThan(100);
});

/** protobuf-specs writes milliseconds. */
function withoutFractions(message: unknown): unknown {
  return JSON.parse(JSON.stringify(message).replaceAll(".000Z", "Z"));
}

/** protobuf-specs leaves empty lists out, as proto3 has it. */
function withoutEmpty(message: unknown): unknown {
  return Object.fromEntries(
    Object.entries(message as object).filter(([, value]) => !Array.isArray(value) || value.length > 0),
  );
}
