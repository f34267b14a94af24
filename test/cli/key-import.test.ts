import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFileSigner } from "../../src/adapters/signers/file.ts";
import { openssl } from "../support/openssl.ts";
import { runCli } from "../support/run-cli.ts";
import type { CliOutcome } from "../support/run-cli.ts";

const OURS = "correct horse battery staple";
const THEIRS = "their passphrase";
const folder = mkdtempSync(join(tmpdir(), "mayfly-key-import-"));
const at = (name: string): string => join(folder, name);

const importKey = (from: string, out: string, ...more: readonly string[]): Promise<CliOutcome> =>
  runCli(["key", "import", "--from", at(from), "--out", at(out), "--passphrase-file", at("ours"), ...more]);
/** Made by go-securesystemslib, which cosign encrypts its keys with. */
const COSIGN = JSON.parse(
  readFileSync(join(import.meta.dirname, "..", "vectors", "valid", "sigstore-keys.json"), "utf8"),
) as Readonly<Record<"passphrase" | "publicKey" | "legacy" | "standard" | "owasp", string>>;
const WITH_COSIGNS = ["--from-passphrase-file", at("cosigns")];
const cosignPem = (json: string): string => {
  const lines = Buffer.from(json).toString("base64");
  return `-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n${lines}\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n`;
};
/** Cosign's key with another value of the last member of a name. */
function edited(name: string, edit: (value: string) => string): string {
  const json = Buffer.from(COSIGN.standard.replace(/-----[A-Z ]+-----/gu, ""), "base64").toString("utf8");
  const at = new RegExp(`(.*"${name}":"?)([^",}]+)`, "su");
  return cosignPem(json.replace(at, (_, before: string, value: string) => before + edit(value)));
}
const flipped = (base64: string): string => {
  const bytes = Buffer.from(base64, "base64");
  bytes[bytes.length - 1]! ^= 1;
  return bytes.toString("base64");
};
const WITH_THEIRS = ["--from-passphrase-file", at("theirs")];

beforeAll(() => {
  writeFileSync(at("ours"), `${OURS}\n`, { mode: 0o600 });
  writeFileSync(at("theirs"), `${THEIRS}\n`, { mode: 0o600 });
  writeFileSync(at("cosigns"), `${COSIGN.passphrase}\n`, { mode: 0o600 });
  const pass = ["-passout", `pass:${THEIRS}`];
  openssl(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", at("pkcs8.pem")]);
  openssl(["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-in", at("pkcs8.pem"), "-out", at("pbes2.pem"), ...pass]);
  openssl(["pkcs8", "-topk8", "-scrypt", "-in", at("pkcs8.pem"), "-out", at("scrypt.pem"), ...pass]);
  openssl(["ec", "-in", at("pkcs8.pem"), "-out", at("sec1.pem")]);
  openssl(["ec", "-aes256", "-in", at("pkcs8.pem"), "-out", at("dek-info.pem"), ...pass]);
  openssl(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", at("rsa-pkcs8.pem")]);
  openssl(["rsa", "-traditional", "-des3", "-in", at("rsa-pkcs8.pem"), "-out", at("rsa-pkcs1.pem"), ...pass]);
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("key import", () => {
  const TAKEN: readonly [name: string, file: string, isEncrypted: boolean][] = [
    ["PKCS#8 in clear", "pkcs8.pem", false],
    ["SEC 1 in clear", "sec1.pem", false],
    ["PKCS#8 encrypted with PBKDF2", "pbes2.pem", true],
    ["PKCS#8 encrypted with scrypt", "scrypt.pem", true],
    ["SEC 1 encrypted as RFC 1421 does", "dek-info.pem", true],
    ["PKCS#1 encrypted as RFC 1421 does", "rsa-pkcs1.pem", true],
  ];
  it.each(TAKEN)("takes over %s, as OpenSSL writes it", async (_, file, isEncrypted) => {
    const out = `${file}.json`;
    const { code, stdout, stderr } = await importKey(file, out, ...(isEncrypted ? WITH_THEIRS : []));
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const pass = isEncrypted ? ["-passin", `pass:${THEIRS}`] : [];
    expect(stdout).toBe(openssl(["pkey", "-in", at(file), "-pubout", ...pass]));
    expect(statSync(at(out)).mode & 0o777).toBe(0o600);
    const signer = await openFileSigner({ path: at(out), passphrase: OURS });
    expect(createPublicKey(stdout).export({ type: "spki", format: "der" }).equals(signer.publicKey)).toBe(true);
    await signer.close();
  });

  it.each(["legacy", "standard", "owasp"] as const)("takes over a key that cosign encrypted, %s cost", async (cost) => {
    writeFileSync(at("cosign.pem"), COSIGN[cost]);
    const { code, stdout, stderr } = await importKey("cosign.pem", `cosign-${cost}.json`, ...WITH_COSIGNS);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: COSIGN.publicKey, stderr: "" });
    const signer = await openFileSigner({ path: at(`cosign-${cost}.json`), passphrase: OURS });
    expect(createPublicKey(COSIGN.publicKey).export({ type: "spki", format: "der" }).equals(signer.publicKey)).toBe(
      true,
    );
    await signer.close();
  });

  const REFUSED: readonly [name: string, text: () => string, more: readonly string[], says: string][] = [
    [
      "an encrypted key without its passphrase",
      () => readFileSync(at("pbes2.pem"), "utf8"),
      [],
      "is encrypted: --from-passphrase-file says with what",
    ],
    [
      "one encrypted as RFC 1421 does without it",
      () => readFileSync(at("dek-info.pem"), "utf8"),
      [],
      "is encrypted: --from-passphrase-file says",
    ],
    [
      "a wrong passphrase",
      () => readFileSync(at("pbes2.pem"), "utf8"),
      ["--from-passphrase-file", at("ours")],
      "does not open: the passphrase is wrong",
    ],
    [
      "a damaged key",
      () => readFileSync(at("pkcs8.pem"), "utf8").replace(/^M.{20}/mu, "MAAAAAAAAAAAAAAAAAAAA"),
      [],
      "is damaged",
    ],
    [
      "cosign's without its passphrase",
      () => COSIGN.standard,
      [],
      "is encrypted: --from-passphrase-file says with what",
    ],
    ["cosign's with a wrong one", () => COSIGN.legacy, WITH_THEIRS, "does not open: the passphrase is wrong"],
    ["cosign's, one bit of the key changed", () => edited("ciphertext", flipped), WITH_COSIGNS, "does not open"],
    ["cosign's, one bit of the nonce changed", () => edited("nonce", flipped), WITH_COSIGNS, "does not open"],
    ["cosign's, cut off", () => edited("ciphertext", (text) => text.slice(0, 16)), WITH_COSIGNS, "does not open"],
    ["cosign's with a short nonce", () => edited("nonce", (text) => text.slice(4)), WITH_COSIGNS, "is damaged"],
    ["cosign's with a ruinous cost", () => edited("N", () => "1073741824"), WITH_COSIGNS, "is damaged"],
    ["cosign's with a negligible cost", () => edited("N", () => "2"), WITH_COSIGNS, "is damaged"],
    ["cosign's with another cipher", () => edited("name", () => "none"), WITH_COSIGNS, "is damaged"],
    ["cosign's label around nothing", () => cosignPem("{}"), WITH_COSIGNS, "is damaged"],
    ["cosign's label around no JSON", () => cosignPem("}{"), WITH_COSIGNS, "is damaged"],
    ["a public key", () => openssl(["pkey", "-in", at("pkcs8.pem"), "-pubout"]), [], "holds no private key as PEM"],
    ["no PEM", () => "MIIB", [], "holds no private key as PEM"],
    [
      "a curve Mayfly does not sign on",
      () =>
        generateKeyPairSync("ec", {
          namedCurve: "secp256k1",
          privateKeyEncoding: { type: "pkcs8", format: "pem" },
          publicKeyEncoding: { type: "spki", format: "pem" },
        }).privateKey,
      [],
      "does not sign with a key of this type",
    ],
    ["a file of 64 KiB and a byte", () => "#".repeat(2 ** 16 + 1), [], "is longer than 65536 bytes"],
    [
      "a passphrase file that is not there",
      () => readFileSync(at("pbes2.pem"), "utf8"),
      ["--from-passphrase-file", at("none")],
      "passphrase file",
    ],
  ];
  it.each(REFUSED)("refuses %s, in one line, and writes nothing", async (_, text, more, says) => {
    writeFileSync(at("refused.pem"), text());
    const { code, stdout, stderr } = await importKey("refused.pem", "refused.json", ...more);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(says);
    expect(stderr).toMatch(/^mayfly: [^\n]+\n$/u);
    expect(stderr).not.toContain(THEIRS);
    expect(existsSync(at("refused.json"))).toBe(false);
  });

  it("refuses a file that is not there, and to write over one", async () => {
    expect(await importKey("none.pem", "refused.json")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("ENOENT"),
    });
    writeFileSync(at("taken.json"), "mine");
    expect(await importKey("pkcs8.pem", "taken.json")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("EEXIST"),
    });
    expect(readFileSync(at("taken.json"), "utf8")).toBe("mine");
  });
});
