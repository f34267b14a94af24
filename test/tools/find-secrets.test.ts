import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

interface FindSecrets {
  readonly findSecrets: (text: string, heads: ReadonlySet<string>) => string[];
  readonly findSecretsIn: (folder: string) => string[];
}
const { findSecrets, findSecretsIn } = (await import(resolve("tools/find-secrets.mjs"))) as FindSecrets;

// Put together here, so that the output of this very file holds none.
const json = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const TOKEN = [json({ alg: "ES256" }), json({ sub: "someone" }), "c2lnbmF0dXJl"].join(".");
const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const { privateKey: rsa } = generateKeyPairSync("rsa", { modulusLength: 1024 });
const pkcs8 = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const sec1 = privateKey.export({ type: "sec1", format: "pem" }).toString();
const pkcs1 = rsa.export({ type: "pkcs1", format: "pem" }).toString();
const cipher = { cipher: "aes-256-cbc", passphrase: "of a test" };
const encrypted = privateKey.export({ type: "pkcs8", format: "pem", ...cipher }).toString();

const kindsOf = (text: string): readonly string[] => findSecrets(text, new Set());

describe("the search for secrets", () => {
  it.each([
    ["a token", `{"msg":"request","detail":"refused ${TOKEN}"}\n`, "a token"],
    ["a token in a header field", `authorization: Bearer ${TOKEN}`, "a token"],
    ["a token in an address", `GET /?token=${TOKEN} HTTP/1.1`, "a token"],
    ["a token without its signature", TOKEN.slice(0, TOKEN.lastIndexOf(".") + 1), "a token"],
    ["a token between bytes of a database", `\0\x01${TOKEN}\0`, "a token"],
    ["a key in PKCS #8", pkcs8, "a private key"],
    ["a key in SEC 1", sec1, "a private key"],
    ["a key in PKCS #1", pkcs1, "a private key"],
    ["an encrypted key", encrypted, "a private key"],
    ["a key in JSON", JSON.stringify({ key: pkcs8 }), "a private key"],
    ["the beginning of a key", pkcs8.slice(0, 40), "a private key"],
  ])("finds %s", (_case, text, kind) => {
    expect(kindsOf(text)).toEqual([kind]);
  });

  it.each([
    ["a certificate", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"],
    ["a public key", "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----"],
    ["what is left of a masked token", '{"detail":"refused [token]"}'],
    ["a name with dots", "eyes.example.com and eyJ.example.com"],
    ["nothing", ""],
  ])("takes %s for no secret", (_case, text) => {
    expect(kindsOf(text)).toEqual([]);
  });
});

describe("the search through a folder", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "mayfly-find-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const proof = randomBytes(72);
  it.each([
    ["base64", proof.toString("base64")],
    ["base64url", proof.toString("base64url")],
    ["hex", proof.toString("hex")],
    ["base64, cut", proof.toString("base64").slice(0, 24)],
  ])("finds a registered proof in %s", (_form, text) => {
    const forms = (["base64", "base64url", "hex"] as const).map((form) => proof.toString(form));
    writeFileSync(join(folder, "secrets"), `${forms.join("\n")}\n`);
    writeFileSync(join(folder, "log.txt"), `{"detail":"the proof ${text} is wrong"}\n`);
    writeFileSync(join(folder, "audit.txt"), "{}\n");
    expect(findSecretsIn(folder)).toEqual(["log.txt: a secret that a test registered"]);
  });

  it("finds a registered passphrase, and names each file with each kind", () => {
    writeFileSync(join(folder, "secrets"), "correct horse battery staple\n");
    writeFileSync(join(folder, "a.txt"), `wrong passphrase: correct horse battery staple\n${TOKEN}`);
    writeFileSync(join(folder, "b.txt"), pkcs8);
    expect(findSecretsIn(folder).sort()).toEqual([
      "a.txt: a secret that a test registered",
      "a.txt: a token",
      "b.txt: a private key",
    ]);
  });

  it("finds nothing in a folder without secrets, registered or not", () => {
    expect(findSecretsIn(folder)).toEqual([]);
    writeFileSync(join(folder, "secrets"), "correct horse battery staple\n");
    writeFileSync(join(folder, "a.txt"), "all is well\n");
    expect(findSecretsIn(folder)).toEqual([]);
  });

  it("refuses to look for what is too short to tell from other text", () => {
    writeFileSync(join(folder, "secrets"), "horse\n");
    expect(() => findSecretsIn(folder)).toThrow(RangeError);
  });
});
