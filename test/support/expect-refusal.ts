import { expect } from "@jest/globals";
import type { Reason } from "../../src/core/errors.ts";
import type { Answer } from "./ask.ts";
import { expectRefused, TEXT } from "./refusal.ts";
import type { SigningBody } from "./signing-body.ts";
import type { WholeApp } from "./whole-app.ts";

/** How a refusal is answered: HTTP status, google.rpc.Code and the public text. */
type Told = readonly [status: number, code: number, message: string];

const KEY: Told = [400, 3, TEXT.publicKey];
const WEAK: Told = [400, 3, TEXT.insecureKey];
const SELF_SIGNATURE: Told = [400, 3, TEXT.proof];
const PROOF: Told = [400, 3, TEXT.proofOfAddress];
const CSR: Told = [400, 3, TEXT.csr];
const TOKEN: Told = [400, 3, TEXT.token];
const REQUEST: Told = [400, 3, TEXT.request];
const TOO_LARGE: Told = [413, 3, TEXT.tooLarge];
const ISSUER: Told = [503, 14, TEXT.issuer];
const CA: Told = [500, 13, TEXT.ca];
const CA_BUSY: Told = [503, 14, TEXT.ca];
const LOG: Told = [500, 13, TEXT.log];
const LOG_BUSY: Told = [503, 14, TEXT.log];
const BUSY: Told = [503, 14, TEXT.busy];

/**
 * What the public is told for each reason, written down a second time: the table of the service is not asked. Two
 * reasons are missing because their texts are composed from the request; tests give those texts.
 */
const TOLD: Readonly<Partial<Record<Reason, Told>>> = {
  KEY_MISSING: KEY,
  KEY_NOT_CANONICAL_DER: KEY,
  KEY_NOT_PEM: KEY,
  KEY_POINT_INVALID: KEY,
  KEY_TOO_LONG: KEY,
  KEY_WRONG_PEM_TYPE: KEY,
  ED25519_WEAK_POINT: WEAK,
  KEY_BLOCKED: WEAK,
  KEY_IS_OURS: WEAK,
  KEY_TYPE_UNSUPPORTED: WEAK,
  RSA_EXPONENT: WEAK,
  RSA_FACTORS_TOO_CLOSE: WEAK,
  RSA_ROCA: WEAK,
  RSA_SIZE: WEAK,
  RSA_SMALL_FACTOR: WEAK,
  PROOF_INVALID: PROOF,
  KEY_PROOF_REQUIRED: [400, 3, TEXT.proofInPlaceOfRequest],
  PROOF_MISSING: PROOF,
  CSR_SIGNATURE_INVALID: SELF_SIGNATURE,
  CSR_MALFORMED: CSR,
  CSR_NOT_PEM: CSR,
  CSR_TOO_LONG: CSR,
  CSR_WRONG_PEM_TYPE: CSR,
  TOKEN_ALGORITHM: TOKEN,
  TOKEN_KEY_UNKNOWN: TOKEN,
  TOKEN_SIGNATURE_INVALID: TOKEN,
  ISSUER_UNKNOWN: TOKEN,
  BODY_TOO_LARGE: TOO_LARGE,
  CONTROL_CHARACTER: REQUEST,
  FIELD_TOO_LONG: REQUEST,
  DISCOVERY_FAILED: ISSUER,
  JWKS_FAILED: ISSUER,
  ISSUER_QUEUE_FULL: ISSUER,
  SIGNATURE_INVALID: CA,
  SIGNER_REFUSED: CA,
  SIGNER_TIMEOUT: CA_BUSY,
  CA_EXPIRED: CA_BUSY,
  LINT: CA,
  CORRESPONDENCE: CA,
  SCT_OUTSIDE_VALIDITY: CA,
  AUDIT_FAILED: CA,
  UNEXPECTED: CA,
  LOG_CLOCK: LOG_BUSY,
  LOG_WRITE_FAILED: LOG,
  LOG_OUTCOME_UNKNOWN: LOG,
  LOG_CLOSED: LOG_BUSY,
  LOG_QUEUE_FULL: LOG_BUSY,
  TOO_MANY_REQUESTS_IN_FLIGHT: BUSY,
  SHUTTING_DOWN: BUSY,
  RATE_LIMITED_SUBJECT: [429, 8, "Too many requests"],
};

/** Checks the whole answer to be what must be told for this reason; `message` where its text is composed from the request. */
export function expectTold(answer: Answer, reason: Reason, message?: string): void {
  const [status, code, text] = TOLD[reason] ?? [400, 3, ""];
  expectRefused(answer, { status, code, message: message ?? text, reason });
}

/** A signing call that must not be granted. */
export interface RefusedCall {
  readonly body: SigningBody;
  /** One that `app` would take, when left out. */
  readonly token?: string;
  readonly reason: Reason;
  /** The public text, where it is composed from the request. */
  readonly message?: string;
}

/**
 * Sends a call and checks that it is refused as it must be, and what holds for every refusal: the CA's key is not used,
 * nothing is logged, no certificate leaves, and neither answer, log lines nor audit trail hold token, proof or claim.
 */
export async function expectRefusal(app: WholeApp, call: RefusedCall): Promise<Answer> {
  const token = call.token ?? (await app.token());
  const [signatures, size, records] = [app.caSignatures(), await app.treeSize(), app.audit.records.length];
  const answer = await app.send(call.body, token);
  expectTold(answer, call.reason, call.message);
  expect(app.caSignatures()).toBe(signatures);
  expect(await app.treeSize()).toBe(size);
  const recorded = app.audit.records.slice(records);
  expect(recorded.filter((record) => record.kind === "outcome" && record.result === "issued")).toEqual([]);
  expectNoSecret(app, answer, secretsOf(call.body, token));
  return answer;
}

/** Checks that nothing the service says, to anybody, holds one of these texts. */
export function expectNoSecret(app: WholeApp, answer: Answer, secrets: readonly string[]): void {
  const said = JSON.stringify([answer, app.telemetry, app.audit.records]);
  expect(secrets.filter((secret) => said.includes(secret))).toEqual([]);
}

/** The parts of a call that are nobody else's business: short texts are left out, they occur by chance. */
function secretsOf({ publicKeyRequest, certificateSigningRequest = "" }: SigningBody, token: string): string[] {
  const { publicKey, proofOfPossession = "" } = publicKeyRequest ?? {};
  const lines = (publicKey?.content ?? "").split(/\r?\n/u).filter((line) => !line.startsWith("-----"));
  return [...token.split("."), proofOfPossession, certificateSigningRequest, ...lines].filter(
    (text) => text.length > 24,
  );
}
