import { createCipheriv, createDecipheriv, createPrivateKey, createPublicKey, randomBytes, scrypt } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { constants } from "node:fs";
import type { Stats } from "node:fs";
import { open } from "node:fs/promises";

import { MayflyError } from "../../core/errors.ts";
import type { Signer } from "../../ports/signer.ts";
import { describeExposure } from "./exposed-file.ts";
import { encodeAssociatedData, encodeSealedKey, parseSealedKey, requireCost, unreadable } from "./key-envelope.ts";
import type { KeyEnvelope, ScryptCost, SealedKey } from "./key-envelope.ts";
import { makeKeyObjectSigner } from "./key-object-signer.ts";
import { signatureAlgorithmOf } from "./public-key.ts";

/**
 * 32 MiB and about 0.2 s for each guess at a passphrase; one of the equivalent choices of OWASP's Password Storage Cheat
 * Sheet, and one that does not make a start take more memory than service does.
 */
const DEFAULT_COST: ScryptCost = { n: 2 ** 15, r: 8, p: 3 };
/** The largest key, RSA with 8192 bits, makes a file of 9 KiB. */
const MAX_FILE_BYTES = 16 * 1024;
const TAG_BYTES = 16;

/** Where a file signer finds its key, and what opens it. */
export interface FileSignerOptions {
  readonly path: string;
  readonly passphrase: string;
  /**
   * What to do with a file that any account of the machine can read, that its group or any account can write, or that
   * belongs to an account other than this process's and root: `refuse`, the default, or `allow` for keys that protect nothing (development). Reading by the group is not
   * objected to: that is how Kubernetes hands a secret to a process that is not root, and the key in it is encrypted.
   */
  readonly exposedFile?: "refuse" | "allow";
}

/**
 * Encrypts a private key for {@link openFileSigner}: AES-256-GCM over its PKCS#8 DER, under a key that scrypt
 * (RFC 7914) derives from the passphrase. Algorithm, public key and cost stand in the file in clear and are authenticated.
 *
 * @param cost of scrypt, stored in the file
 * @returns the file's text, JSON
 * @throws MayflyError `signer_failed`: SIGNER_KEY_MISMATCH for a key Mayfly does not sign with, SIGNER_KEY_UNREADABLE for an
 *   empty passphrase or a cost out of bounds
 */
export async function encryptKeyFile(
  privateKey: KeyObject,
  passphrase: string,
  cost: ScryptCost = DEFAULT_COST,
): Promise<string> {
  const envelope: KeyEnvelope = {
    algorithm: signatureAlgorithmOf(privateKey),
    publicKey: createPublicKey(privateKey).export({ type: "spki", format: "der" }),
    cost: requireCost(cost),
    salt: randomBytes(32),
    nonce: randomBytes(12),
  };
  const key = await deriveKey(passphrase, envelope);
  const cipher = createCipheriv("aes-256-gcm", key, envelope.nonce).setAAD(encodeAssociatedData(envelope));
  key.fill(0);
  const pkcs8 = privateKey.export({ type: "pkcs8", format: "der" });
  const ciphertext = Buffer.concat([cipher.update(pkcs8), cipher.final(), cipher.getAuthTag()]);
  pkcs8.fill(0);
  return encodeSealedKey({ envelope, ciphertext });
}

/**
 * Opens an encrypted key file; the key stays in this process's memory until the signer is closed.
 *
 * @throws MayflyError `signer_failed`: SIGNER_KEY_UNREADABLE for a file that cannot be read, is exposed, malformed, changed
 *   or locked with another passphrase; SIGNER_KEY_MISMATCH when the private key is not the one the file names
 */
export async function openFileSigner(options: FileSignerOptions): Promise<Signer> {
  const sealed = parseSealedKey(await readKeyFile(options));
  const signer = makeKeyObjectSigner(await decryptKey(sealed, options.passphrase));
  const { algorithm, publicKey } = sealed.envelope;
  if (signer.algorithm !== algorithm || !Buffer.from(publicKey).equals(signer.publicKey)) {
    throw new MayflyError("SIGNER_KEY_MISMATCH", "the key file holds another key than the public key it names");
  }
  return signer;
}

/**
 * The public key that stands in an encrypted key file in clear. Nobody has proved that the file holds its private half: that
 * takes the passphrase.
 *
 * @returns DER SubjectPublicKeyInfo
 * @throws MayflyError `signer_failed` (SIGNER_KEY_UNREADABLE) for a file that cannot be read or is malformed
 */
export async function readPublicKeyOf(path: string): Promise<Uint8Array> {
  const text = await readKeyFile({ path, exposedFile: "allow" });
  return parseSealedKey(text).envelope.publicKey;
}

async function readKeyFile({
  path,
  exposedFile = "refuse",
}: Pick<FileSignerOptions, "path" | "exposedFile">): Promise<string> {
  try {
    // Without O_NONBLOCK a named pipe in the file's place would hold the start up for ever.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const status = await file.stat();
      if (!status.isFile()) throw unreadable("is not a regular file");
      if (exposedFile === "refuse") refuseExposed(status);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_FILE_BYTES + 1), 0, MAX_FILE_BYTES + 1, 0);
      if (bytesRead > MAX_FILE_BYTES) throw unreadable(`is longer than ${MAX_FILE_BYTES} bytes`);
      return buffer.toString("utf8", 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof MayflyError) throw cause;
    throw unreadable("cannot be read", cause);
  }
}

function refuseExposed(status: Stats): void {
  const exposure = describeExposure(status);
  if (exposure !== undefined) throw unreadable(exposure);
}

async function decryptKey({ envelope, ciphertext }: SealedKey, passphrase: string): Promise<KeyObject> {
  if (ciphertext.length <= TAG_BYTES) throw unreadable("is wrong: ciphertext is too short");
  const key = await deriveKey(passphrase, envelope);
  const decipher = createDecipheriv("aes-256-gcm", key, envelope.nonce, { authTagLength: TAG_BYTES });
  key.fill(0);
  decipher.setAAD(encodeAssociatedData(envelope)).setAuthTag(ciphertext.subarray(-TAG_BYTES));
  const pkcs8 = decipher.update(ciphertext.subarray(0, -TAG_BYTES));
  try {
    decipher.final();
    return createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
  } catch {
    // One answer for a wrong passphrase and a changed file: the cipher cannot tell them apart.
    throw unreadable("does not open: the passphrase is wrong, or the file was changed");
  } finally {
    pkcs8.fill(0);
  }
}

/** The same passphrase typed on two systems may differ in how Unicode composes it, hence NFC (RFC 8265 §4.2.2). */
function deriveKey(passphrase: string, { cost, salt }: KeyEnvelope): Promise<Buffer> {
  if (passphrase === "") throw unreadable("needs a passphrase, and the one given is empty");
  const options = { N: cost.n, r: cost.r, p: cost.p, maxmem: 128 * cost.r * (cost.n + cost.p + 2) };
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize("NFC"), salt, 32, options, (cause, key) => {
      if (cause === null) resolve(key);
      else reject(unreadable("needs more memory for scrypt than there is", cause));
    });
  });
}
