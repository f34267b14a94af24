import type { Call, Entrance, HeaderField } from "./call.ts";

/** What a signing request says, in no entrance's words. */
export interface SigningFields {
  /** Sent as the caller's credentials: in the Authorization header field, or as metadata. */
  readonly token?: string;
  /** Sent in the body; version 1 has no such place. */
  readonly tokenInBody?: string;
  /** PEM, or DER. */
  readonly publicKey?: Uint8Array;
  /** What the caller says the key is. */
  readonly algorithm?: string;
  readonly proof?: Uint8Array;
  /** PEM. */
  readonly csr?: Uint8Array;
}

/** `message PublicKeyAlgorithm`'s numbers, which gRPC sends in place of names. */
const ALGORITHM_NUMBERS: Readonly<Record<string, number>> = { RSA_PSS: 1, ECDSA: 2, ED25519: 3 };

const LARGE_BYTES = 100_000;

/** The call that says it through an entrance. */
export function signingCall(entrance: Entrance, fields: SigningFields): Call {
  const { token } = fields;
  if (entrance === "http-v2" || entrance === "http-v1") {
    const version = entrance === "http-v2" ? "v2" : "v1";
    const body = version === "v2" ? jsonV2(fields) : jsonV1(fields);
    const bytes = Buffer.from(JSON.stringify(body));
    const headers: HeaderField[] = [["Content-Type", "application/json"]];
    // As curl does it: a refusal then comes before the body, and not into the middle of it.
    if (bytes.length > LARGE_BYTES) headers.push(["Expect", "100-continue"]);
    if (token !== undefined) headers.push(["Authorization", `Bearer ${token}`]);
    return { kind: "http", method: "POST", path: `/api/${version}/signingCert`, headers, body: bytes };
  }
  const isV2 = entrance === "grpc-v2";
  return {
    kind: "grpc",
    method: `/dev.sigstore.fulcio.${isV2 ? "v2" : "v1beta"}.CA/CreateSigningCertificate`,
    // What the gateway in front of Fulcio's gRPC makes of the Authorization field.
    metadata: token === undefined ? [] : [["oidcidentitytoken", token]],
    message: isV2 ? protobufV2(fields) : protobufV1(fields),
  };
}

const base64 = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString("base64");

/** The JSON of version 2; `undefined` leaves a member out. */
export function jsonV2({ tokenInBody, publicKey, algorithm, proof, csr }: SigningFields): object {
  const content = publicKey === undefined ? undefined : textOfKey(publicKey);
  return {
    credentials: tokenInBody === undefined ? undefined : { oidcIdentityToken: tokenInBody },
    publicKeyRequest:
      publicKey === undefined && proof === undefined
        ? undefined
        : {
            publicKey: content === undefined ? undefined : { algorithm, content },
            proofOfPossession: base64(proof),
          },
    certificateSigningRequest: base64(csr),
  };
}

/** The JSON of version 1; `undefined` leaves a member out. */
export function jsonV1({ publicKey, algorithm, proof, csr }: SigningFields): object {
  return {
    publicKey: publicKey === undefined ? undefined : { algorithm, content: base64(publicKey) },
    signedEmailAddress: base64(proof),
    certificateSigningRequest: base64(csr),
  };
}

/** Version 2 takes text only, so DER becomes the PEM that it would stand in. */
function textOfKey(key: Uint8Array): string {
  if (key[0] !== 0x30 || key.length < 2 || !/[^\x20-\x7e]/u.test(Buffer.from(key).toString("latin1"))) {
    return Buffer.from(key).toString("utf8");
  }
  const lines =
    Buffer.from(key)
      .toString("base64")
      .match(/.{1,64}/gu) ?? [];
  return `-----BEGIN PUBLIC KEY-----\n${lines.join("\n")}\n-----END PUBLIC KEY-----\n`;
}

function protobufV2({ tokenInBody, publicKey, algorithm = "", proof, csr }: SigningFields): Uint8Array {
  const key =
    publicKey === undefined
      ? undefined
      : message(varint(1, ALGORITHM_NUMBERS[algorithm]), lengthDelimited(2, Buffer.from(textOfKey(publicKey))));
  return message(
    lengthDelimited(1, tokenInBody === undefined ? undefined : lengthDelimited(1, Buffer.from(tokenInBody))),
    publicKey === undefined && proof === undefined
      ? Buffer.alloc(0)
      : lengthDelimited(2, message(lengthDelimited(1, key), lengthDelimited(2, proof))),
    lengthDelimited(3, csr),
  );
}

function protobufV1({ publicKey, algorithm, proof, csr }: SigningFields): Uint8Array {
  const name = algorithm === undefined ? undefined : Buffer.from(algorithm);
  return message(
    lengthDelimited(
      1,
      publicKey === undefined ? undefined : message(lengthDelimited(1, name), lengthDelimited(2, publicKey)),
    ),
    lengthDelimited(2, proof),
    lengthDelimited(3, csr),
  );
}

/** Fields of a protobuf message, one after the other. */
export const message = (...fields: readonly Uint8Array[]): Buffer => Buffer.concat(fields);

/** A field of the length-delimited wire type: text, bytes or a message; nothing when undefined. */
export function lengthDelimited(number: number, content: Uint8Array | undefined): Buffer {
  if (content === undefined) return Buffer.alloc(0);
  return Buffer.concat([varintOf(8 * number + 2), varintOf(content.length), content]);
}

/** A field of the varint wire type; nothing when undefined. */
export function varint(number: number, value: number | undefined): Buffer {
  return value === undefined ? Buffer.alloc(0) : Buffer.concat([varintOf(8 * number), varintOf(value)]);
}

function varintOf(value: number): Buffer {
  const octets: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...octets, rest]);
    octets.push(0x80 | (rest % 128));
  }
}
