import { spawnSync } from "node:child_process";
import { createPublicKey, verify } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import type { SignatureAlgorithm } from "../../src/core/certificate/algorithms.ts";
import type { Signer } from "../../src/ports/signer.ts";

/** Digest each algorithm signs, written out here so that the suite does not borrow it from what it judges. */
const DIGEST: Readonly<Record<SignatureAlgorithm, string | null>> = {
  "ecdsa-p256-sha256": "sha256",
  "ecdsa-p384-sha384": "sha384",
  "ecdsa-p521-sha512": "sha512",
  "rsa-pkcs1-sha256": "sha256",
  ed25519: null,
};

/** Every algorithm that a signer may have. */
export const ALGORITHMS = Object.keys(DIGEST) as SignatureAlgorithm[];

/** What every signer owes its callers; `openSigner` gives a new one of the named algorithm. */
export function describeSigner(name: string, algorithm: SignatureAlgorithm, openSigner: () => Promise<Signer>): void {
  describe(`${name} as a signer of ${algorithm}`, () => {
    let signer: Signer;
    beforeAll(async () => {
      signer = await openSigner();
    });
    afterAll(() => signer.close());

    it("names its algorithm and a public key in canonical SubjectPublicKeyInfo", () => {
      const key = createPublicKey({ key: Buffer.from(signer.publicKey), format: "der", type: "spki" });
      expect(signer.algorithm).toBe(algorithm);
      expect(Buffer.from(signer.publicKey).equals(key.export({ format: "der", type: "spki" }))).toBe(true);
      expect(["in-process", "remote"]).toContain(signer.location);
    });

    it.each([0, 1, 1_200, 100_000])("signs a message of %i bytes so that node:crypto accepts it", async (length) => {
      const message = new Uint8Array(length).fill(0x5a);
      const signature = await signer.sign(message);
      const key = createPublicKey({ key: Buffer.from(signer.publicKey), format: "der", type: "spki" });
      expect(signature).toBeInstanceOf(Uint8Array);
      expect(verify(DIGEST[algorithm], message, key, signature)).toBe(true);
    });

    it("signs so that OpenSSL accepts it, and refuses it for another message", async () => {
      const message = new TextEncoder().encode("a message for another implementation");
      const signature = await signer.sign(message);
      expect(opensslVerify(signer, message, signature)).toBe(true);
      expect(opensslVerify(signer, message.subarray(1), signature)).toBe(false);
    });

    it("keeps concurrent signatures apart", async () => {
      const messages = Array.from({ length: 12 }, (_, index) => new Uint8Array([index]));
      const signatures = await Promise.all(messages.map((message) => signer.sign(message)));
      const key = createPublicKey({ key: Buffer.from(signer.publicKey), format: "der", type: "spki" });
      for (const [index, signature] of signatures.entries()) {
        expect(verify(DIGEST[algorithm], messages[index]!, key, signature)).toBe(true);
        expect(verify(DIGEST[algorithm], messages[(index + 1) % 12]!, key, signature)).toBe(false);
      }
    });

    it("refuses to sign once it is closed, and may be closed again", async () => {
      const other = await openSigner();
      await other.close();
      await other.close();
      await expect(other.sign(new Uint8Array(1))).rejects.toMatchObject({ code: "signer_failed" });
    });
  });
}

function opensslVerify(signer: Signer, message: Uint8Array, signature: Uint8Array): boolean {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-signer-"));
  const [key, text, sig] = ["key.der", "message", "signature"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  try {
    writeFileSync(key, signer.publicKey);
    writeFileSync(text, message);
    writeFileSync(sig, signature);
    const digest = DIGEST[signer.algorithm];
    const hashed = digest === null ? ["-rawin"] : ["-rawin", "-digest", digest];
    const input = ["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", key, "-in", text, "-sigfile", sig];
    const { stdout, stderr } = spawnSync("openssl", [...input, ...hashed], { encoding: "utf8" });
    if (stdout.includes("Signature Verified Successfully")) return true;
    if (stdout.includes("Signature Verification Failure")) return false;
    throw new Error(`OpenSSL gave no verdict: ${stdout}${stderr}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
