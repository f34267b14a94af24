import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { SigningConfig, TrustedRoot } from "@sigstore/protobuf-specs";
import { makeTimestampChain } from "../support/timestamp-chain.ts";
import { openssl } from "../support/openssl.ts";
import { operatorConfig, publicKeyIn, writeOperatorKeys } from "../support/operator-keys.ts";
import { runCli } from "../support/run-cli.ts";
import type { CliOutcome } from "../support/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "mayfly-trust-files-"));
const file = join(folder, "mayfly.yaml");
const PUBLIC = 'publicUrl: "https://ca.example.com"';
const pemOf = (key: ReturnType<typeof generateKeyPairSync>): string =>
  key.publicKey.export({ type: "spki", format: "pem" }).toString();

beforeAll(async () => {
  await writeOperatorKeys(folder);
  const write = (name: string, text: string): void => {
    writeFileSync(join(folder, name), text);
  };
  const tsa = makeTimestampChain();
  write("tsa.pem", tsa.own + tsa.root);
  write("tsa-own.pem", tsa.own);
  write("p256.pub", pemOf(generateKeyPairSync("ec", { namedCurve: "P-256" })));
  write("ed25519.pub", pemOf(generateKeyPairSync("ed25519")));
  write("rsa.pub", pemOf(generateKeyPairSync("rsa", { modulusLength: 2048 })));
  write(
    "own-log.pub",
    `-----BEGIN PUBLIC KEY-----\n${publicKeyIn(join(folder, "log.json")).toString("base64")}\n-----END PUBLIC KEY-----\n`,
  );
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function trust(settings: string, command = "trusted-root", change = (text: string) => text): Promise<CliOutcome> {
  writeFileSync(file, change(operatorConfig(folder)) + (settings === "" ? "" : `trust: { ${settings} }\n`));
  return runCli(["trust", command, "--config", file]);
}

describe("trust files of a configuration", () => {
  it("hold everything that it names", async () => {
    const settings = `${PUBLIC}, timestampAuthorities: [{ url: "https://tsa.example.com/ts", chain: tsa.pem }],
      transparencyLogs: [{ url: "https://rekor.example.com:3000", publicKey: ed25519.pub, apiVersion: 2 }],
      otherLogs: [{ baseUrl: "https://old.example.com/log", publicKey: p256.pub, end: 2030-01-01T00:00:00Z }]`;
    const root = TrustedRoot.fromJSON(JSON.parse((await trust(settings)).stdout));
    expect(root.tlogs.map(({ baseUrl }) => baseUrl)).toEqual(["https://rekor.example.com"]);
    expect(root.ctlogs.map(({ baseUrl }) => baseUrl)).toEqual([
      "https://ca.example.com/log",
      "https://old.example.com/log",
    ]);
    expect(root.timestampAuthorities).toHaveLength(1);
    const config = SigningConfig.fromJSON(JSON.parse((await trust(settings, "signing-config")).stdout));
    expect(config.rekorTlogUrls.map(({ url }) => url)).toEqual(["https://rekor.example.com:3000"]);
    expect(config.caUrls[0]?.operator).toBe("ca.example.com");
  });

  it("have a service of others under their name, and keep signers from one that is only to be verified", async () => {
    const settings = `${PUBLIC}, operator: example.com, timestampAuthorities: [
        { url: "https://tsa.example.com/ts", chain: tsa.pem },
        { url: "https://old.example.org/ts", chain: tsa.pem, end: 2100-01-01T00:00:00Z, verifyOnly: true },
        { url: "https://tsa.example.org/ts", chain: tsa.pem, operator: example.org }],
      transparencyLogs: [{ url: "https://r", publicKey: p256.pub, apiVersion: 1, verifyOnly: true }]`;
    const root = TrustedRoot.fromJSON(JSON.parse((await trust(settings)).stdout));
    expect([root.timestampAuthorities.length, root.tlogs.length]).toEqual([3, 1]);
    const config = SigningConfig.fromJSON(JSON.parse((await trust(settings, "signing-config")).stdout));
    expect(config.tsaUrls.map(({ url, operator }) => [url, operator])).toEqual([
      ["https://tsa.example.com/ts", "example.com"],
      ["https://tsa.example.org/ts", "example.org"],
    ]);
    expect([config.rekorTlogUrls, config.rekorTlogConfig]).toEqual([[], undefined]);
  });

  it("send people to the issuers that they sign in with, or to those that are named", async () => {
    const more = (text: string): string =>
      text.replace(
        "issuers:\n",
        'issuers:\n  - { url: "https://ci.example.com", identity: { kind: github-actions, baseUrl: "https://ghe.example.com" } }\n' +
          '  - { url: "https://*.tenants.example.com", identity: { kind: email } }\n',
      );
    const issuersOf = async (settings: string, change = more): Promise<readonly string[]> => {
      const { stdout } = await trust(settings, "signing-config", change);
      return SigningConfig.fromJSON(JSON.parse(stdout)).oidcUrls.map(({ url }) => url);
    };
    expect(await issuersOf(PUBLIC)).toEqual(["https://accounts.example.com"]);
    const named = '"https://ci.example.com", "https://accounts.example.com"';
    expect(await issuersOf(`${PUBLIC}, issuers: [${named}, ${named}]`)).toEqual([
      "https://ci.example.com",
      "https://accounts.example.com",
    ]);
    const tenant = "https://ours.tenants.example.com";
    expect(await issuersOf(`${PUBLIC}, issuers: ["${tenant}"]`)).toEqual([tenant]);
    const onlyCi = (text: string): string =>
      text.replace("kind: email", 'kind: github-actions, baseUrl: "https://ghe.example.com"');
    expect(await issuersOf(PUBLIC, onlyCi)).toEqual(["https://accounts.example.com"]);
  });
});

describe("trust files are refused", () => {
  it.each([
    ["without trust in the configuration", "", "trust: required, for trust files to be made: trust: { publicUrl:"],
    [
      "without a file that is named",
      `${PUBLIC}, timestampAuthorities: [{ url: "https://t/ts", chain: none.pem }]`,
      "trust.timestampAuthorities[0].chain FOLDER/none.pem cannot be read",
    ],
    [
      "with a folder in a file's place",
      `${PUBLIC}, transparencyLogs: [{ url: "https://r", publicKey: ., apiVersion: 1 }]`,
      "trust.transparencyLogs[0].publicKey FOLDER cannot be read",
    ],
    [
      "with a chain that has no root",
      `${PUBLIC}, timestampAuthorities: [{ url: "https://t/ts", chain: tsa-own.pem }]`,
      "trust.timestampAuthorities[0].chain FOLDER/tsa-own.pem: the last certificate is not self-signed: the root is missing",
    ],
    [
      "with a timestamp authority among the CAs",
      `${PUBLIC}, otherAuthorities: [{ chain: tsa.pem, end: 2030-01-01T00:00:00Z }]`,
      "trust.otherAuthorities[0].chain FOLDER/tsa.pem: certificate 1 is not a certificate of an authority",
    ],
    [
      "with its own CA among the others",
      `${PUBLIC}, otherAuthorities: [{ chain: chain.pem, end: 2100-01-01T00:00:00Z }]`,
      "the same authority stands there twice",
    ],
    [
      "with an RSA key of a log of signatures",
      `${PUBLIC}, transparencyLogs: [{ url: "https://r", publicKey: rsa.pub, apiVersion: 1 }]`,
      "trust.transparencyLogs[0].publicKey FOLDER/rsa.pub: the key is neither ECDSA on P-256",
    ],
    [
      "with a log of SCTs that has an Ed25519 key",
      `${PUBLIC}, otherLogs: [{ baseUrl: "https://l", publicKey: ed25519.pub, end: 2100-01-01T00:00:00Z }]`,
      "trust.otherLogs[0].publicKey FOLDER/ed25519.pub: the key of a log with SCTs is ECDSA on P-256",
    ],
    [
      "with its own log among the others",
      `${PUBLIC}, otherLogs: [{ baseUrl: "https://l", publicKey: own-log.pub }]`,
      "the same log stands there twice",
    ],
    [
      "with a chain in a key's place",
      `${PUBLIC}, otherLogs: [{ baseUrl: "https://l", publicKey: chain.pem }]`,
      "trust.otherLogs[0].publicKey FOLDER/chain.pem: the file does not hold one PUBLIC KEY",
    ],
  ])("%s", async (_, settings, says) => {
    const { code, stdout, stderr } = await trust(settings);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(says.replaceAll("FOLDER", folder));
  });

  it("where keys are forgotten at exit, for they are another's at the next start", async () => {
    const memory = (text: string): string =>
      `environment: development\n${text}`
        .replace(/signer: \{[^\n]*log\.json[^\n]*\}/u, "signer: { kind: memory }")
        .replace("kind: sqlite, allowAnyFilesystem: true", "kind: memory");
    const { code, stderr } = await trust(PUBLIC, "trusted-root", memory);
    expect(code).toBe(1);
    expect(stderr).toContain("log.signer: a key that is forgotten at exit");
  });

  it("where the CA's chain is not one that a service would start with", async () => {
    const wrong = (text: string): string =>
      text.replace(/chain: [^,]*chain\.pem/u, `chain: ${join(folder, "tsa.pem")}`);
    const { code, stderr } = await trust(PUBLIC, "chain", wrong);
    expect(code).toBe(1);
    expect(stderr).toContain(`ca.chain ${join(folder, "tsa.pem")}: certificate 1`);
  });

  it("where a file cannot be written", async () => {
    writeFileSync(file, `${operatorConfig(folder)}trust: { ${PUBLIC} }\n`);
    const out = join(folder, "nowhere", "trusted_root.json");
    const { code, stderr } = await runCli(["trust", "trusted-root", "--config", file, "--out", out]);
    expect(code).toBe(1);
    expect(stderr).toContain(`${out} was not written`);
  });
});

describe("a trust file that an operator signs", () => {
  const passphraseFile = join(folder, "passphrase");
  const out = join(folder, "signed.json");
  const sign = async (key: string, ...more: readonly string[]): Promise<CliOutcome> => {
    writeFileSync(file, `${operatorConfig(folder)}trust: { ${PUBLIC} }\n`);
    const args = [
      "--config",
      file,
      "--out",
      out,
      "--sign-with",
      join(folder, key),
      "--passphrase-file",
      passphraseFile,
    ];
    return runCli(["trust", "trusted-root", ...args, ...more]);
  };
  const publicKeyFile = (key: string): string => {
    const pem = join(folder, `${key}.pub`);
    const base64 = publicKeyIn(join(folder, key)).toString("base64");
    writeFileSync(pem, `-----BEGIN PUBLIC KEY-----\n${base64}\n-----END PUBLIC KEY-----\n`);
    return pem;
  };

  it.each([
    [
      "Ed25519",
      "checkpoint.json",
      (pub: string) => ["pkeyutl", "-verify", "-pubin", "-inkey", pub, "-rawin", "-in", out, "-sigfile", `${out}.sig`],
    ],
    ["P-256", "log.json", (pub: string) => ["dgst", "-sha256", "-verify", pub, "-signature", `${out}.sig`, out]],
  ])("with a key of %s has OpenSSL verify its very bytes", async (_, key, verify) => {
    expect(await sign(key)).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(openssl(verify(publicKeyFile(key)))).toMatch(/Signature Verified Successfully|Verified OK/u);
    writeFileSync(out, readFileSync(out, "utf8").replace("\n", " \n"));
    expect(() => openssl(verify(publicKeyFile(key)))).toThrow(/Command failed/u);
  });

  it("is not written when its key cannot be opened", async () => {
    rmSync(out, { force: true });
    expect((await sign("chain.pem")).stderr).toContain("--sign-with");
    writeFileSync(join(folder, "wrong"), "another passphrase\n", { mode: 0o600 });
    const { code, stderr } = await sign("checkpoint.json", "--passphrase-file", join(folder, "wrong"));
    expect([code, existsSync(out)]).toEqual([1, false]);
    expect(stderr).toContain("the passphrase is wrong");
  });

  it.each([
    ["nowhere to write it", ["--sign-with", "k.json", "--passphrase-file", "p"]],
    ["no passphrase", ["--sign-with", "k.json", "--out", "t.json"]],
    ["a passphrase of no key", ["--passphrase-file", "p", "--out", "t.json"]],
  ])("is refused with %s", async (_, more) => {
    const { code, stderr } = await runCli(["trust", "trusted-root", "--config", file, ...more]);
    expect(code).toBe(2);
    expect(stderr).toContain("--sign-with goes with --out and --passphrase-file");
  });
});
