import { createPublicKey } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import type { TokenKind } from "../../dev/token-claims.ts";
import { spkiOf } from "./caller-keys.ts";
import { takeApart } from "./openssl-csr.ts";

const FOLDER = new URL("../vectors/clients/", import.meta.url);

/** What a client sends to sign, as it came over the wire, with `{token}` where its token was. */
export interface GoldenRequest {
  /** The client, and what of it. */
  readonly name: string;
  /** How it came here: recorded from the client (tools/record-request.mjs), or composed as in its source. */
  readonly source: string;
  readonly specification: string;
  /** Whose token it carries. */
  readonly kind: TokenKind;
  readonly method: string;
  readonly path: "/api/v1/signingCert" | "/api/v2/signingCert";
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** Every recorded or composed request, by name. */
export const GOLDEN_REQUESTS: readonly GoldenRequest[] = readdirSync(FOLDER)
  .sort()
  .map((file) => JSON.parse(readFileSync(new URL(file, FOLDER), "utf8")) as GoldenRequest);

/** The request with a token in it. */
export function withToken(request: GoldenRequest, token: string): GoldenRequest {
  const headers = request.headers.map(([name, value]) => [name, value.replace("{token}", token)] as const);
  return { ...request, headers, body: request.body.replace("{token}", token) };
}

interface KeyFields {
  readonly publicKeyRequest?: { readonly publicKey: { readonly content: string } };
  readonly publicKey?: { readonly content: string };
  readonly certificateSigningRequest?: string | null;
  readonly certificate_signing_request?: string;
}

/** Whether it asks by a certification request, whose signature covers no identity. */
export function isByCsr({ body }: GoldenRequest): boolean {
  const fields = JSON.parse(body) as KeyFields;
  return (fields.certificateSigningRequest ?? fields.certificate_signing_request) !== undefined;
}

/** The key it asks a certificate for, as Node reads it. */
export function keyOf({ body }: GoldenRequest): KeyObject {
  const fields = JSON.parse(body) as KeyFields;
  const csr = fields.certificateSigningRequest ?? fields.certificate_signing_request;
  if (typeof csr === "string") return derKey(takeApart(Buffer.from(csr, "base64")).spki);
  if (fields.publicKeyRequest !== undefined) return createPublicKey(fields.publicKeyRequest.publicKey.content);
  const content = Buffer.from(fields.publicKey?.content ?? "", "base64");
  return content.toString("latin1").startsWith("-----BEGIN") ? createPublicKey(content) : derKey(content);
}

const derKey = (der: Uint8Array): KeyObject => createPublicKey({ key: Buffer.from(der), format: "der", type: "spki" });

/** Whether two keys are the same, whatever wrote them. */
export const isSameKey = (one: KeyObject, other: KeyObject): boolean => spkiOf(one).equals(spkiOf(other));
