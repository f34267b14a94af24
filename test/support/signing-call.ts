import { expect } from "@jest/globals";
import { sign } from "node:crypto";
import request from "supertest";
import type { Response } from "supertest";
import type { Reason } from "../../src/core/errors.ts";
import type { CallerKey } from "./caller-keys.ts";
import { pemOf } from "./caller-keys.ts";

/** Fulcio's public texts, byte for byte, and Mayfly's own. */
export const TEXT = {
  token: "There was an error processing the identity token",
  publicKey: "The public key supplied in the request could not be parsed",
  insecureKey: "The public key supplied in the request is insecure",
  csr: "The certificate signing request could not be parsed",
  proof: "The signature supplied in the request could not be verified",
  ca: "error communicating with CA backend",
  log: "Error entering certificate in CTL",
  issuer: "The issuer of the identity token could not be reached",
  tooLarge: "The request is too large",
} as const;

/** A refusal as its caller sees it. */
export interface Refusal {
  readonly status: number;
  /** google.rpc.Code. */
  readonly code: number;
  readonly message: string;
  readonly reason: Reason;
}

/** Holds an answer to be exactly this refusal: status, whole body, type, nothing to be stored, and when to come again. */
export function expectRefusal(answer: Response, { status, code, message, reason }: Refusal): void {
  const details = [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason, domain: "mayfly" }];
  expect({ status: answer.status, body: answer.body as unknown }).toEqual({ status, body: { code, message, details } });
  expect(answer.headers["content-type"]).toBe("application/json");
  expect(answer.headers["cache-control"]).toBe("no-store");
  const retryAfter = answer.headers["retry-after"];
  if (status === 429 || status === 503) expect(retryAfter).toMatch(/^[1-9]\d*$/u);
  else expect(retryAfter).toBeUndefined();
}

/** The digest that Sigstore's clients sign with for a key of this type; null for Ed25519. */
function digestOf({ privateKey }: CallerKey): string | null {
  if (privateKey.asymmetricKeyType === "ed25519") return null;
  const curve = privateKey.asymmetricKeyDetails?.namedCurve ?? "";
  return { secp384r1: "sha384", secp521r1: "sha512" }[curve] ?? "sha256";
}

/** A proof of possession as Sigstore's clients make it. */
export function proofBy(key: CallerKey, challenge: string, digest = digestOf(key)): Buffer {
  return sign(digest, Buffer.from(challenge, "utf8"), key.privateKey);
}

/** `publicKeyRequest` with these contents. */
export function keyRequest(content: string | Uint8Array, proof: Uint8Array): object {
  return {
    publicKeyRequest: {
      publicKey: { algorithm: "ECDSA", content: Buffer.from(content).toString("utf8") },
      proofOfPossession: Buffer.from(proof).toString("base64"),
    },
  };
}

/** A request that proves possession of `key` as it should be done. */
export function goodKeyRequest(key: CallerKey, challenge: string): object {
  return keyRequest(pemOf(key.publicKey), proofBy(key, challenge));
}

/** A request by CSR. */
export function csrRequest(csr: string | Uint8Array): object {
  return { certificateSigningRequest: Buffer.from(csr).toString("base64") };
}

/** Calls the signing route with the token in the header, as go, Python and Rust clients do. */
export function callSigningCert(server: Parameters<typeof request>[0], token: string, body: object): request.Test {
  return request(server).post("/api/v2/signingCert").set("Authorization", `Bearer ${token}`).send(body);
}

/** The certificates of an answer, leaf first; holds the answer to be a success with nothing beside them. */
export function certificatesIn(answer: Response): readonly string[] {
  expect({ status: answer.status, text: answer.text }).toMatchObject({ status: 200 });
  const body = answer.body as { signedCertificateEmbeddedSct: { chain: { certificates: string[] } } };
  expect(Object.keys(body)).toEqual(["signedCertificateEmbeddedSct"]);
  expect(Object.keys(body.signedCertificateEmbeddedSct)).toEqual(["chain"]);
  return body.signedCertificateEmbeddedSct.chain.certificates;
}
