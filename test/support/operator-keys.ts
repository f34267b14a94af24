import type { KeyObject } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encryptKeyFile } from "../../src/adapters/signers/file.ts";
import { makeKeyObjectSigner } from "../../src/adapters/signers/key-object-signer.ts";
import { generatePrivateKey } from "../../src/adapters/signers/memory.ts";
import { makeCaChain } from "../../src/compose/make-ca.ts";
import { registerSecret } from "./keep-output.ts";

/** A passphrase that opens every key file of {@link writeOperatorKeys}. */
export const PASSPHRASE = "an operator's passphrase";

/** Lowest cost of scrypt: these keys are opened often and protect nothing. */
const COST = { n: 2 ** 14, r: 8, p: 1 };

registerSecret(PASSPHRASE);

/** Writes what an operator in production has, with a chain that begins at `madeMs`: chain.pem, issuing.json, log.json, checkpoint.json, passphrase. */
export async function writeOperatorKeys(folder: string, madeMs = Date.now()): Promise<void> {
  const keys = {
    issuing: generatePrivateKey("ecdsa-p256-sha256"),
    log: generatePrivateKey("ecdsa-p256-sha256"),
    checkpoint: generatePrivateKey("ed25519"),
  };
  for (const [name, key] of Object.entries(keys)) {
    writeFileSync(join(folder, `${name}.json`), await encryptCheaply(key, PASSPHRASE), { mode: 0o600 });
  }
  const chain = await makeCaChain({
    organization: "Operator",
    root: makeKeyObjectSigner(generatePrivateKey("ecdsa-p384-sha384")),
    issuing: makeKeyObjectSigner(keys.issuing),
    nowMs: madeMs,
  });
  writeFileSync(join(folder, "chain.pem"), chain);
  writeFileSync(join(folder, "passphrase"), `${PASSPHRASE}\n`, { mode: 0o600 });
}

/** The text of a key file that is opened in a moment, where one of `mayfly key create` takes a second. */
export function encryptCheaply(key: KeyObject, passphrase: string): Promise<string> {
  return encryptKeyFile(key, passphrase, COST);
}

/** A production configuration of the keys in `folder`, on free loopback ports, whose log lines go nowhere. */
export function operatorConfig(folder: string): string {
  const signer = (name: string): string =>
    `{ kind: file, path: ${join(folder, `${name}.json`)}, passphrase: { file: ${join(folder, "passphrase")} } }`;
  return `dataDirectory: ${join(folder, "data")}
http: { listen: "127.0.0.1:0" }
operations: { listen: "127.0.0.1:0" }
ca: { chain: ${join(folder, "chain.pem")}, signer: ${signer("issuing")} }
log:
  origin: ca.example.com/log
  store: { kind: sqlite, allowAnyFilesystem: true }
  signer: ${signer("log")}
  checkpointSigner: ${signer("checkpoint")}
issuers:
  - { url: "https://accounts.example.com", identity: { kind: email } }
limits: { rates: { enabled: false } }
shutdown: { lameDuckSeconds: 0 }
logging: { level: silent }
`;
}

/** DER SubjectPublicKeyInfo that a key file names in clear. */
export function publicKeyIn(keyFile: string): Buffer {
  return Buffer.from((JSON.parse(readFileSync(keyFile, "utf8")) as { publicKey: string }).publicKey, "base64");
}
