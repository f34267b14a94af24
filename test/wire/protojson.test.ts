import { create, fromBinary, fromJson, fromJsonString, toBinary, toJson, toJsonString } from "@bufbuild/protobuf";
import type { DescMessage, JsonValue } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { MayflyError } from "../../src/core/errors.ts";
import type { SigningRequest } from "../../src/core/issuance-types.ts";
import { CreateSigningCertificateRequestSchema as V1RequestSchema } from "../../src/gen/dev/sigstore/fulcio/v1beta/fulcio_legacy_pb.ts";
import {
  ConfigurationSchema,
  CreateSigningCertificateRequestSchema,
  PublicKeyAlgorithm,
  SigningCertificateSchema,
  TrustBundleSchema,
} from "../../src/gen/dev/sigstore/fulcio/v2/fulcio_pb.ts";
import { buildConfiguration } from "../../src/wire/configuration.ts";
import { buildSigningCertificate } from "../../src/wire/signing-certificate.ts";
import { parseSigningRequest } from "../../src/wire/signing-request.ts";
import { buildTrustBundle } from "../../src/wire/trust-bundle.ts";
import { parseV1SigningRequest } from "../../src/wire/v1-signing-request.ts";
import { ISSUED } from "../http/public-app.ts";
import { GOLDEN_REQUESTS } from "../support/golden-requests.ts";
import { githubRules } from "../support/provider-samples.ts";

const utf8 = (text: string): Uint8Array => Buffer.from(text, "utf8");
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
/** In place of a token that the body does not have. */
const HEADER = ["Bearer in.the.header"];

/** What a request asks for, whoever read it. */
interface Read {
  readonly token: string;
  readonly key: string;
  readonly proof: string;
  readonly csr: string;
}

function shown({ idToken, key }: SigningRequest): Read {
  return key.kind === "csr"
    ? { token: idToken, key: "", proof: "", csr: hex(key.csr) }
    : { token: idToken, key: hex(key.publicKey), proof: hex(key.proof), csr: "" };
}

/** By our own reader; "refused" for whatever it refuses. */
function ours(parse: typeof parseSigningRequest, text: string): Read | "refused" {
  try {
    return shown(parse(utf8(text), HEADER));
  } catch (error) {
    if (error instanceof MayflyError) return "refused";
    throw error;
  }
}

/** By Buf's reader, told to ignore unknown fields as Fulcio's gateway is. */
function theirs(text: string): Read | "refused" {
  try {
    const { credentials, key } = fromJsonString(CreateSigningCertificateRequestSchema, text, {
      ignoreUnknownFields: true,
    });
    const inBody = credentials?.credentials.value ?? "";
    const token = inBody === "" ? "in.the.header" : inBody;
    if (key.case === "certificateSigningRequest") return { token, key: "", proof: "", csr: hex(key.value) };
    const { publicKey, proofOfPossession } = key.value ?? {};
    return { token, key: hex(utf8(publicKey?.content ?? "")), proof: hex(proofOfPossession ?? utf8("")), csr: "" };
  } catch {
    return "refused";
  }
}

/** The same of the first version, where a request for a key wins. */
function theirsV1(text: string): Read | "refused" {
  try {
    const request = fromJsonString(V1RequestSchema, text, { ignoreUnknownFields: true });
    const { publicKey, signedEmailAddress, certificateSigningRequest: csr } = request;
    const token = "in.the.header";
    if (csr.length > 0) return { token, key: "", proof: "", csr: hex(csr) };
    // Said by Fulcio, not by the format: one of the two must be there.
    if (publicKey === undefined) return "refused";
    return { token, key: hex(publicKey.content), proof: hex(signedEmailAddress), csr: "" };
  } catch {
    return "refused";
  }
}

const KEY = '"publicKeyRequest":{"publicKey":{"content":"pem"},"proofOfPossession":"AQID"}';

describe("our reader of ProtoJSON and Buf's", () => {
  const ALIKE: readonly (readonly [string, string])[] = [
    ["an empty message", "{}"],
    ["names in camel case", `{"credentials":{"oidcIdentityToken":"a.b.c"},${KEY}}`],
    [
      "names of the .proto file",
      '{"credentials":{"oidc_identity_token":"a.b.c"},"public_key_request":{"public_key":{"content":"pem"},"proof_of_possession":"AQID"}}',
    ],
    ["names in another case", '{"Credentials":{"oidcIdentityToken":"a.b.c"},"PublicKeyRequest":{}}'],
    ["null for unset", '{"credentials":null,"publicKeyRequest":{"publicKey":null,"proofOfPossession":null}}'],
    ["null in a oneof", `{"certificateSigningRequest":null,${KEY}}`],
    ["unknown fields of every kind", `{"a":1,"b":[{}],"c":null,"d":{"e":"f"},${KEY}}`],
    ["an enum by name", '{"publicKeyRequest":{"publicKey":{"algorithm":"ECDSA","content":"pem"}}}'],
    ["an enum by a name nobody knows", '{"publicKeyRequest":{"publicKey":{"algorithm":"RSA","content":"pem"}}}'],
    ["an enum by number", '{"publicKeyRequest":{"publicKey":{"algorithm":3,"content":"pem"}}}'],
    ["an enum that is null", '{"publicKeyRequest":{"publicKey":{"algorithm":null,"content":"pem"}}}'],
    ["an enum that is an object", '{"publicKeyRequest":{"publicKey":{"algorithm":{},"content":"pem"}}}'],
    ["an enum that is a boolean", '{"publicKeyRequest":{"publicKey":{"algorithm":true}}}'],
    ["an enum that is a fraction", '{"publicKeyRequest":{"publicKey":{"algorithm":1.5}}}'],
    ["bytes with padding", '{"certificateSigningRequest":"AQI="}'],
    ["bytes without padding", '{"certificateSigningRequest":"AQI"}'],
    ["bytes in the URL-safe alphabet", '{"certificateSigningRequest":"-_-_"}'],
    ["bytes in the standard alphabet", '{"certificateSigningRequest":"+/+/"}'],
    ["bytes with a foreign character", '{"certificateSigningRequest":"AQ!="}'],
    ["bytes as a list", '{"certificateSigningRequest":[1,2]}'],
    ["bytes as a number", '{"certificateSigningRequest":1}'],
    ["a text as a number", '{"credentials":{"oidcIdentityToken":1}}'],
    ["a message as a text", '{"credentials":"a.b.c"}'],
    ["a message as a list", '{"publicKeyRequest":[]}'],
    ["two of a oneof", `{"certificateSigningRequest":"AQID",${KEY}}`],
    ["a list for the whole", "[]"],
    ["a text for the whole", '"x"'],
    ["no JSON", "{"],
    ["text behind the message", "{}{}"],
    ["a name twice", '{"credentials":{"oidcIdentityToken":"a"},"credentials":{"oidcIdentityToken":"b"}}'],
    ["a name in both spellings", '{"credentials":{"oidcIdentityToken":"a","oidc_identity_token":"b"}}'],
    ["an unknown name twice", '{"x":1,"x":2}'],
    ["line breaks in bytes", '{"certificateSigningRequest":"AQ\\nID"}'],
    ["escapes in a name", '{"credential\\u0073":{"oidcIdentityToken":"a.b.c"}}'],
    ["escapes in a text", '{"credentials":{"oidcIdentityToken":"\\u0061.b.c"}}'],
  ];
  it.each(ALIKE)("understand %s alike", (_name, text) => {
    expect(ours(parseSigningRequest, text)).toEqual(theirs(text));
  });

  it("understand every client's request alike", () => {
    for (const { name, path, body } of GOLDEN_REQUESTS) {
      const isV1 = path.includes("/v1/");
      const [own, other] = isV1
        ? [ours(parseV1SigningRequest, body), theirsV1(body)]
        : [ours(parseSigningRequest, body), theirs(body)];
      expect([name, own]).toEqual([name, other]);
      expect(own).not.toBe("refused");
    }
  });

  it("differ about bits left over in bytes, which ours refuses", () => {
    const text = '{"certificateSigningRequest":"AQJ="}';
    expect([ours(parseSigningRequest, text), theirs(text)]).toEqual([
      "refused",
      expect.objectContaining({ csr: "0102" }),
    ]);
  });

  const word = fc.stringMatching(/^[\w.-]{0,40}$/u);
  const bytes = fc.uint8Array({ maxLength: 200 });

  it("agree on whatever Buf writes, under both names", () => {
    const key = fc.oneof(
      fc.record({ case: fc.constant("certificateSigningRequest" as const), value: bytes }),
      fc
        .tuple(word, bytes, fc.constantFrom(...Object.values(PublicKeyAlgorithm)))
        .map(([content, proofOfPossession, algorithm]) => ({
          case: "publicKeyRequest" as const,
          value: { publicKey: { algorithm, content }, proofOfPossession },
        })),
    );
    fc.assert(
      fc.property(word, key, fc.boolean(), fc.boolean(), (token, request, useProtoFieldName, alwaysEmitImplicit) => {
        const message = create(CreateSigningCertificateRequestSchema, {
          credentials: { credentials: { case: "oidcIdentityToken", value: token } },
          key: request,
        });
        const text = toJsonString(CreateSigningCertificateRequestSchema, message, {
          useProtoFieldName,
          alwaysEmitImplicit,
        });
        expect(ours(parseSigningRequest, text)).toEqual(theirs(text));
        expect(theirs(text)).not.toBe("refused");
      }),
      { seed: 20261122 },
    );
  });

  it("agree on whatever Buf writes of the first version", () => {
    fc.assert(
      fc.property(word, bytes, bytes, bytes, (algorithm, content, signedEmailAddress, certificateSigningRequest) => {
        const message = create(V1RequestSchema, {
          publicKey: { algorithm, content },
          signedEmailAddress,
          certificateSigningRequest,
        });
        const text = toJsonString(V1RequestSchema, message);
        expect(ours(parseV1SigningRequest, text)).toEqual(theirsV1(text));
        expect(theirsV1(text)).not.toBe("refused");
      }),
      { seed: 20261122 },
    );
  });
});

describe("our writer of ProtoJSON and Buf's", () => {
  /** The message as Buf reads it, sends it and writes it again, unset fields included. */
  function rewritten(schema: DescMessage, json: object): JsonValue {
    const message = fromJson(schema, JSON.parse(JSON.stringify(json)) as JsonValue);
    return toJson(schema, fromBinary(schema, toBinary(schema, message)), { alwaysEmitImplicit: true });
  }

  const MESSAGES: readonly (readonly [string, DescMessage, object])[] = [
    ["a certificate", SigningCertificateSchema, buildSigningCertificate(ISSUED)],
    ["the trust bundle", TrustBundleSchema, buildTrustBundle([ISSUED.chainPem, ISSUED.chainPem])],
    ["an empty trust bundle", TrustBundleSchema, buildTrustBundle([])],
    [
      "the configuration",
      ConfigurationSchema,
      buildConfiguration([
        { url: "https://a.example", audience: "sigstore", identity: { kind: "email", emailTrust: "unverified" } },
        {
          url: "https://b.example",
          audience: "x",
          identity: githubRules(),
        },
      ]),
    ],
  ];
  it.each(MESSAGES)("write %s alike, with every field", (_name, schema, message) => {
    expect(rewritten(schema, message)).toEqual(message);
  });
});
