import { createCipheriv, createPublicKey, randomBytes, scryptSync } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { geteuid } from "node:process";
import { inspect } from "node:util";

import { afterAll, describe, expect, it } from "@jest/globals";

import { describeExposure } from "../../../src/adapters/signers/exposed-file.ts";
import { encryptKeyFile, openFileSigner } from "../../../src/adapters/signers/file.ts";
import { generatePrivateKey } from "../../../src/adapters/signers/memory.ts";
import type { SignatureAlgorithm } from "../../../src/core/certificate/algorithms.ts";
import { ALGORITHMS, describeSigner } from "../../contracts/signer.ts";

/** The least that is read, so that the suite does not spend its time in scrypt. */
const CHEAP = { n: 2 ** 14, r: 8, p: 1 };
const PASSPHRASE = "correct horse battery staple";

const folder = mkdtempSync(join(tmpdir(), "mayfly-key-file-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

let files = 0;
function writeKeyFile(text: string, mode = 0o600): string {
  files += 1;
  const path = join(folder, `${files}.json`);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

async function openText(text: string, passphrase = PASSPHRASE): Promise<unknown> {
  return openFileSigner({ path: writeKeyFile(text), passphrase });
}

const keys = new Map<SignatureAlgorithm, KeyObject>(ALGORITHMS.map((name) => [name, generatePrivateKey(name)]));
const p256 = keys.get("ecdsa-p256-sha256")!;
const text = await encryptKeyFile(p256, PASSPHRASE, CHEAP);

interface KeyFile {
  [member: string]: unknown;
  kdf: Record<string, unknown>;
  cipher: Record<string, unknown>;
}

/** The key file after an edit, in the layout it is written in. */
function edited(edit: (file: KeyFile) => void): string {
  const file = JSON.parse(text) as KeyFile;
  edit(file);
  return JSON.stringify(file, null, 2);
}

for (const algorithm of ALGORITHMS) {
  describeSigner("a file signer", algorithm, async () => {
    const path = writeKeyFile(await encryptKeyFile(keys.get(algorithm)!, PASSPHRASE, CHEAP));
    return openFileSigner({ path, passphrase: PASSPHRASE });
  });
}

describe("encryptKeyFile", () => {
  it("says in clear what the key is, and stores the default cost", async () => {
    const file = JSON.parse(await encryptKeyFile(p256, PASSPHRASE)) as KeyFile;
    expect(Object.keys(file)).toEqual(["format", "version", "algorithm", "publicKey", "kdf", "cipher", "ciphertext"]);
    expect(file).toMatchObject({
      format: "mayfly-encrypted-key",
      version: 1,
      algorithm: "ecdsa-p256-sha256",
      publicKey: createPublicKey(p256).export({ type: "spki", format: "der" }).toString("base64"),
      kdf: { name: "scrypt", n: 32_768, r: 8, p: 3 },
      cipher: { name: "aes-256-gcm" },
    });
  });

  it("never writes the same salt, nonce or ciphertext twice", async () => {
    const again = JSON.parse(await encryptKeyFile(p256, PASSPHRASE, CHEAP)) as KeyFile;
    const first = JSON.parse(text) as KeyFile;
    expect(again.kdf["salt"]).not.toBe(first.kdf["salt"]);
    expect(again.cipher["nonce"]).not.toBe(first.cipher["nonce"]);
    expect(again["ciphertext"]).not.toBe(first["ciphertext"]);
  });

  it("leaves no part of the private key in the text", () => {
    const pkcs8 = p256.export({ type: "pkcs8", format: "der" });
    const scalar = Buffer.from(p256.export({ format: "jwk" }).d!, "base64url");
    const file = JSON.parse(text) as KeyFile;
    const parts = Object.values({ ...file }).filter((value) => typeof value === "string");
    expect(parts).toContain(file["ciphertext"]);
    for (const bytes of parts.map((part) => Buffer.from(part, "base64"))) {
      expect(bytes.includes(scalar)).toBe(false);
      expect(bytes.includes(pkcs8)).toBe(false);
    }
  });

  it("refuses an empty passphrase", async () => {
    await expect(encryptKeyFile(p256, "", CHEAP)).rejects.toMatchObject({ reason: "SIGNER_KEY_UNREADABLE" });
  });

  it.each([
    [{ n: 2 ** 13, r: 8, p: 1 }],
    [{ n: 2 ** 21, r: 8, p: 1 }],
    [{ n: 2 ** 20, r: 16, p: 1 }],
    [{ n: 20_000, r: 8, p: 1 }],
    [{ n: 2 ** 14, r: 0, p: 1 }],
    [{ n: 2 ** 14, r: 8, p: 17 }],
  ])("refuses the cost %j", async (cost) => {
    await expect(encryptKeyFile(p256, PASSPHRASE, cost)).rejects.toMatchObject({ reason: "SIGNER_KEY_UNREADABLE" });
  });
});

describe("openFileSigner", () => {
  it("opens a file whose end of line got lost or doubled on the way", async () => {
    await expect(openText(text.trimEnd())).resolves.toBeDefined();
    await expect(openText(`${text}\n`)).resolves.toBeDefined();
  });

  it("takes a passphrase however its accents are composed", async () => {
    const composed = await encryptKeyFile(p256, "caf\u00e9", CHEAP);
    await expect(openText(composed, "cafe\u0301")).resolves.toBeDefined();
  });

  it.each([
    ["another passphrase", `${PASSPHRASE}!`],
    ["a trailing newline", `${PASSPHRASE}\n`],
    ["an empty passphrase", ""],
  ])("refuses %s and says nothing about the right one", async (_, passphrase) => {
    const error: unknown = await openText(text, passphrase).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "signer_failed", reason: "SIGNER_KEY_UNREADABLE" });
    expect((error as Error).message).toContain("passphrase");
    expect(inspect(error, { depth: 10 })).not.toContain(PASSPHRASE);
  });

  const otherKey = createPublicKey(generatePrivateKey("ecdsa-p256-sha256")).export({ type: "spki", format: "der" });
  const flip = (value: unknown): string => {
    const bytes = Buffer.from(String(value), "base64");
    bytes[bytes.length - 1]! ^= 1;
    return bytes.toString("base64");
  };
  const refusals: readonly (readonly [string, string])[] = [
    ["is empty", ""],
    ["is not JSON", text.slice(1)],
    ["was cut in half", text.slice(0, text.length / 2)],
    ["is a JSON array", "[]"],
    ["is null", "null"],
    ["has an unknown member", edited((file) => (file["comment"] = "hello"))],
    ["has an unknown member of kdf", edited((file) => (file.kdf["comment"] = "hello"))],
    ["has an unknown member of cipher", edited((file) => (file.cipher["tag"] = ""))],
    ["repeats a member", text.replace('"version": 1,', '"version": 1,\n  "version": 1,')],
    [
      "has its members in another order",
      JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(text) as object).reverse())),
    ],
    ["is of another format", edited((file) => (file["format"] = "age"))],
    ["is of a later version", edited((file) => (file["version"] = 2))],
    ["writes its version as text", edited((file) => (file["version"] = "1"))],
    ["names another algorithm", edited((file) => (file["algorithm"] = "ecdsa-p384-sha384"))],
    ["names an unknown algorithm", edited((file) => (file["algorithm"] = "ml-dsa-65"))],
    ["names a member of every object as its algorithm", edited((file) => (file["algorithm"] = "constructor"))],
    ["lacks its public key", edited((file) => delete file["publicKey"])],
    ["names another public key", edited((file) => (file["publicKey"] = otherKey.toString("base64")))],
    ["has another kdf", edited((file) => (file.kdf["name"] = "pbkdf2"))],
    ["has no kdf", edited((file) => delete (file as Partial<KeyFile>).kdf)],
    ["costs a guesser too little", edited((file) => (file.kdf["n"] = 2 ** 10))],
    ["would exhaust memory", edited((file) => (file.kdf["n"] = 2 ** 30))],
    ["would exhaust memory by r", edited((file) => (file.kdf["r"] = 2 ** 30))],
    ["would take hours", edited((file) => (file.kdf["p"] = 2 ** 30))],
    ["has a cost that is no integer", edited((file) => (file.kdf["n"] = "16384"))],
    ["has a changed cost", edited((file) => (file.kdf["p"] = 2))],
    ["has a changed salt", edited((file) => (file.kdf["salt"] = flip(file.kdf["salt"])))],
    ["has a short salt", edited((file) => (file.kdf["salt"] = "AAAA"))],
    ["has another cipher", edited((file) => (file.cipher["name"] = "aes-256-cbc"))],
    ["has a changed nonce", edited((file) => (file.cipher["nonce"] = flip(file.cipher["nonce"])))],
    ["has a long nonce", edited((file) => (file.cipher["nonce"] = randomBytes(16).toString("base64")))],
    ["has a changed tag", edited((file) => (file["ciphertext"] = flip(file["ciphertext"])))],
    ["has no ciphertext", edited((file) => (file["ciphertext"] = ""))],
    ["has nothing but a tag", edited((file) => (file["ciphertext"] = randomBytes(16).toString("base64")))],
    [
      "has base64 that Node would read leniently",
      edited((file) => (file["ciphertext"] = `${String(file["ciphertext"])} `)),
    ],
    ["is longer than a key file can be", text + " ".repeat(20_000)],
  ];
  it.each(refusals)("refuses a file that %s", async (_, changed) => {
    await expect(openText(changed)).rejects.toMatchObject({ code: "signer_failed", reason: "SIGNER_KEY_UNREADABLE" });
  });

  it("refuses an honest seal over another key than the one it names", async () => {
    const salt = randomBytes(32);
    const nonce = randomBytes(12);
    const clear = {
      format: "mayfly-encrypted-key",
      version: 1,
      algorithm: "ecdsa-p256-sha256",
      publicKey: otherKey.toString("base64"),
      kdf: { name: "scrypt", n: CHEAP.n, r: 8, p: 1, salt: salt.toString("base64") },
      cipher: { name: "aes-256-gcm", nonce: nonce.toString("base64") },
    };
    const key = scryptSync(PASSPHRASE, salt, 32, { N: CHEAP.n, r: 8, p: 1 });
    const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(JSON.stringify(clear)));
    const pkcs8 = p256.export({ type: "pkcs8", format: "der" });
    const sealed = Buffer.concat([cipher.update(pkcs8), cipher.final(), cipher.getAuthTag()]).toString("base64");
    await expect(openText(JSON.stringify({ ...clear, ciphertext: sealed }, null, 2))).rejects.toMatchObject({
      reason: "SIGNER_KEY_MISMATCH",
    });
  });

  it("refuses a file that is not there, a folder and a named pipe", async () => {
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    mkdirSync(join(folder, "sub"));
    for (const path of [join(folder, "none.json"), join(folder, "sub"), pipe]) {
      await expect(openFileSigner({ path, passphrase: PASSPHRASE })).rejects.toMatchObject({
        reason: "SIGNER_KEY_UNREADABLE",
      });
    }
  });

  it.each([0o644, 0o604, 0o620, 0o602, 0o660, 0o666])(
    "refuses a file of mode %o unless told to allow it",
    async (mode) => {
      const path = writeKeyFile(text, mode);
      const error: unknown = await openFileSigner({ path, passphrase: PASSPHRASE }).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ reason: "SIGNER_KEY_UNREADABLE" });
      expect((error as Error).message).toContain("0600");
      await expect(openFileSigner({ path, passphrase: PASSPHRASE, exposedFile: "allow" })).resolves.toBeDefined();
    },
  );

  it("refuses a file of another account than its own and root's, unless told to allow it", async () => {
    expect(describeExposure({ mode: 0o100600, uid: 1_000 }, 1_001)).toContain("uid 1000");
    expect(describeExposure({ mode: 0o100600, uid: 1_000 }, 0)).toContain("belongs to another account");
    expect(describeExposure({ mode: 0o100600, uid: 1_000 }, 1_000)).toBeUndefined();
    expect(describeExposure({ mode: 0o100600, uid: 0 }, 1_000)).toBeUndefined();
    if (geteuid?.() !== 0) return;
    const path = writeKeyFile(text);
    chownSync(path, 65_534, 65_534);
    await expect(openFileSigner({ path, passphrase: PASSPHRASE })).rejects.toMatchObject({
      reason: "SIGNER_KEY_UNREADABLE",
      message: expect.stringContaining("uid 65534"),
    });
    await expect(openFileSigner({ path, passphrase: PASSPHRASE, exposedFile: "allow" })).resolves.toBeDefined();
  });

  it.each([0o400, 0o600, 0o440, 0o640])("opens a file of mode %o", async (mode) => {
    await expect(openFileSigner({ path: writeKeyFile(text, mode), passphrase: PASSPHRASE })).resolves.toBeDefined();
  });
});
