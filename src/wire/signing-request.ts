import { MayflyError } from "../core/errors.ts";
import type { JsonObject } from "../core/encoding/json-reader.ts";
import type { KeyRequest, SigningRequest } from "../core/issuance-types.ts";
import { makeKeyRequest } from "./key-request.ts";
import { bytesField, checkEnumField, messageField, parseMessage, stringField } from "./protojson.ts";
import type { Forbidden } from "./protojson.ts";

/*
 * dev.sigstore.fulcio.v2, as far as a signing request needs it:
 *
 *   message CreateSigningCertificateRequest {
 *     Credentials credentials = 1;
 *     oneof key { PublicKeyRequest public_key_request = 2; bytes certificate_signing_request = 3; }
 *   }
 *   message Credentials      { oneof credentials { string oidc_identity_token = 1; } }
 *   message PublicKeyRequest { PublicKey public_key = 1; bytes proof_of_possession = 2; }
 *   message PublicKey        { PublicKeyAlgorithm algorithm = 1; string content = 2; }
 */
const CREDENTIALS = { json: "credentials", proto: "credentials" };
const OIDC_IDENTITY_TOKEN = { json: "oidcIdentityToken", proto: "oidc_identity_token" };
const PUBLIC_KEY_REQUEST = { json: "publicKeyRequest", proto: "public_key_request" };
const CERTIFICATE_SIGNING_REQUEST = { json: "certificateSigningRequest", proto: "certificate_signing_request" };
const PUBLIC_KEY = { json: "publicKey", proto: "public_key" };
const PROOF_OF_POSSESSION = { json: "proofOfPossession", proto: "proof_of_possession" };
const ALGORITHM = { json: "algorithm", proto: "algorithm" };
const CONTENT = { json: "content", proto: "content" };

const NOT_IN_TOKEN: Forbidden = { pattern: /\p{Cc}/u, reason: "TOKEN_MALFORMED" };
/** PEM has lines (RFC 7468 §2). */
const NOT_IN_KEY: Forbidden = { pattern: /[^\t\n\r\P{Cc}]/u, reason: "CONTROL_CHARACTER" };

/** RFC 6750 §2.1 with exactly one space; the scheme is compared without case (RFC 9110 §11.1). */
const BEARER = /^bearer(?: ([\x21-\x7e]+))?$/iu;

/**
 * Reads a signing call in the ProtoJSON format.
 *
 * @param body UTF-8 JSON of CreateSigningCertificateRequest, bounded in size by the transport
 * @param authorization the values of all Authorization header fields; not looked at when the body has a token
 * @throws MayflyError `malformed_request`, `invalid_public_key`, `invalid_csr` or `invalid_token`
 */
export function parseSigningRequest(body: Uint8Array, authorization: readonly string[]): SigningRequest {
  const message = parseMessage(body);
  const credentials = messageField(message, CREDENTIALS);
  const inBody = credentials === undefined ? "" : stringField(credentials, OIDC_IDENTITY_TOKEN, NOT_IN_TOKEN);
  const key = parseKeyRequest(message);
  return { idToken: inBody === "" ? parseBearerToken(authorization) : inBody, key };
}

function parseKeyRequest(message: JsonObject): KeyRequest {
  const request = messageField(message, PUBLIC_KEY_REQUEST);
  const csr = bytesField(message, CERTIFICATE_SIGNING_REQUEST);
  if (request !== undefined && csr !== undefined) {
    throw new MayflyError("ONEOF_CONFLICT", "both a public key and a certification request are given");
  }
  const isCsr = csr !== undefined && csr.length > 0;
  if (request === undefined || isCsr) return makeKeyRequest({ csr, publicKey: undefined, proof: undefined });
  const proof = bytesField(request, PROOF_OF_POSSESSION);
  return makeKeyRequest({ csr, publicKey: parsePublicKey(request), proof });
}

/** PEM text as UTF-8 bytes. The algorithm field is ignored, as by Fulcio: the key itself says what it is. */
function parsePublicKey(request: JsonObject): Uint8Array | undefined {
  const publicKey = messageField(request, PUBLIC_KEY);
  if (publicKey === undefined) return undefined;
  checkEnumField(publicKey, ALGORITHM);
  return Buffer.from(stringField(publicKey, CONTENT, NOT_IN_KEY), "utf8");
}

/**
 * Token of a request by its Authorization header fields (RFC 6750 §2.1). What two readers could understand differently
 * is refused: several fields, several spaces, no scheme.
 *
 * @param authorization the values of all Authorization header fields
 * @throws MayflyError `invalid_token`
 */
export function parseBearerToken(authorization: readonly string[]): string {
  const [value = "", ...others] = authorization;
  if (others.length > 0) throw new MayflyError("TOKEN_MALFORMED", "several Authorization header fields");
  if (value === "") throw new MayflyError("TOKEN_MISSING", "no token in body or header");
  const match = BEARER.exec(value);
  if (match === null) throw new MayflyError("TOKEN_MALFORMED", "the Authorization header field is not a bearer token");
  const [, token] = match;
  if (token === undefined) throw new MayflyError("TOKEN_MISSING", "the Authorization header field has no token");
  return token;
}
