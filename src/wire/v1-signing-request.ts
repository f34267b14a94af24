import type { JsonObject } from "../core/encoding/json-reader.ts";
import type { SigningRequest } from "../core/issuance-types.ts";
import { makeV1KeyRequest } from "./key-request.ts";
import { bytesField, checkStringField, messageField, parseMessage } from "./protojson.ts";
import { parseBearerToken } from "./signing-request.ts";

/*
 * dev.sigstore.fulcio.v1beta. The names in the .proto file are camelCase already, so each field has one spelling:
 *
 *   message CreateSigningCertificateRequest {
 *     PublicKey publicKey = 1;
 *     bytes signedEmailAddress = 2;         // the proof of possession, whatever the kind of issuer
 *     bytes certificateSigningRequest = 3;  // wins over publicKey unless it is empty
 *   }
 *   message PublicKey { string algorithm = 1; bytes content = 2; }
 */
const PUBLIC_KEY = { json: "publicKey", proto: "publicKey" };
const SIGNED_EMAIL_ADDRESS = { json: "signedEmailAddress", proto: "signedEmailAddress" };
const CERTIFICATE_SIGNING_REQUEST = { json: "certificateSigningRequest", proto: "certificateSigningRequest" };
const ALGORITHM = { json: "algorithm", proto: "algorithm" };
const CONTENT = { json: "content", proto: "content" };

/**
 * Reads a signing call of the first version in the ProtoJSON format. It has no place for a token but the header.
 *
 * @param body UTF-8 JSON of CreateSigningCertificateRequest, bounded in size by the transport
 * @param authorization the values of all Authorization header fields
 * @throws MayflyError `malformed_request`, `invalid_public_key`, `invalid_csr` or `invalid_token`
 */
export function parseV1SigningRequest(body: Uint8Array, authorization: readonly string[]): SigningRequest {
  const message = parseMessage(body);
  const publicKey = messageField(message, PUBLIC_KEY);
  const key = makeV1KeyRequest({
    publicKey: publicKey === undefined ? undefined : parseContent(publicKey),
    proof: bytesField(message, SIGNED_EMAIL_ADDRESS),
    csr: bytesField(message, CERTIFICATE_SIGNING_REQUEST),
  });
  return { idToken: parseBearerToken(authorization), key };
}

/** PEM text or DER. The algorithm is ignored, as by Fulcio: the key itself says what it is. */
function parseContent(publicKey: JsonObject): Uint8Array {
  checkStringField(publicKey, ALGORITHM);
  return bytesField(publicKey, CONTENT) ?? new Uint8Array(0);
}
