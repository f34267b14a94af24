import { createPublicKey, generateKeyPairSync, randomBytes, sign, verify, type KeyObject } from "node:crypto";
import { median } from "./statistics.ts";

const RUNS = 5;
const ROUNDS = 300;
const WARM_UP_ROUNDS = 100;
const TBS_BYTES = 1200;
/** What is signed of a token of 1.5 KB: all but its last 342 characters and their dot. */
const TOKEN_INPUT_BYTES = 1157;

interface Operands {
  readonly tokenInput: Uint8Array;
  readonly tokenSignature: Uint8Array;
  readonly issuerKey: KeyObject;
  /** A fresh key for each round, as text: nothing of it may be known from an earlier round. */
  readonly callers: readonly { readonly pem: string; readonly proof: Uint8Array }[];
  readonly challenge: Uint8Array;
  readonly caKey: KeyObject;
  readonly tbs: Uint8Array;
}

/**
 * Measures the cryptography that no implementation can leave out, synchronously, with node:crypto: one RS256
 * verification of a token (RSA-2048), one import from PEM of a P-256 key never seen before, one P-256 verification with
 * it (proof of possession), and three P-256 signatures over 1.2 KB (precertificate, SCT, certificate).
 *
 * @returns CPU microseconds per certificate of each of five runs, user and system time of all threads
 */
export function measureCryptoFloor(): readonly number[] {
  const issuer = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const tokenInput = Buffer.from(randomBytes(TOKEN_INPUT_BYTES).toString("base64url").slice(0, TOKEN_INPUT_BYTES));
  const fixed = {
    tokenInput,
    tokenSignature: sign("sha256", tokenInput, issuer.privateKey),
    issuerKey: issuer.publicKey,
    challenge: Buffer.from("repo:octo-org/octo-repo:environment:production"),
    caKey: generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
    tbs: randomBytes(TBS_BYTES),
  };
  const prepare = (rounds: number): Operands => ({ ...fixed, callers: makeCallers(rounds, fixed.challenge) });
  runFloor(prepare(WARM_UP_ROUNDS));
  return Array.from({ length: RUNS }, () => {
    const operands = prepare(ROUNDS);
    const before = process.cpuUsage();
    runFloor(operands);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / ROUNDS;
  });
}

function makeCallers(count: number, challenge: Uint8Array): Operands["callers"] {
  return Array.from({ length: count }, () => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    return {
      pem: publicKey.export({ type: "spki", format: "pem" }) as string,
      proof: sign("sha256", challenge, privateKey),
    };
  });
}

function runFloor(operands: Operands): void {
  const { tokenInput, tokenSignature, issuerKey, callers, challenge, caKey, tbs } = operands;
  for (const { pem, proof } of callers) {
    const tokenHolds = verify("sha256", tokenInput, issuerKey, tokenSignature);
    const proofHolds = verify("sha256", challenge, createPublicKey(pem), proof);
    if (!tokenHolds || !proofHolds) throw new Error("a signature of our own making does not verify");
    sign("sha256", tbs, caKey);
    sign("sha256", tbs, caKey);
    sign("sha256", tbs, caKey);
  }
}

if (import.meta.main) {
  const runs = measureCryptoFloor();
  console.log(`${median(runs).toFixed(0)} µs of CPU (runs: ${runs.map((run) => run.toFixed(0)).join(", ")})`);
}
