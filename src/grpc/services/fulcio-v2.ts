import { create, toBinary } from "@bufbuild/protobuf";
import type { KeyRequest, SigningRequest } from "../../core/issuance-types.ts";
import { limitReads } from "../../entrance/limit-rates.ts";
import {
  CA,
  ConfigurationSchema,
  CreateSigningCertificateRequestSchema,
  GetConfigurationRequestSchema,
  GetTrustBundleRequestSchema,
  SigningCertificateSchema,
  TrustBundleSchema,
} from "../../gen/dev/sigstore/fulcio/v2/fulcio_pb.ts";
import type { CreateSigningCertificateRequest } from "../../gen/dev/sigstore/fulcio/v2/fulcio_pb.ts";
import type { Generation } from "../../issuance/generation.ts";
import type { RateLimits } from "../../ports/limits.ts";
import { buildConfiguration } from "../../wire/configuration.ts";
import type { OidcIssuerName } from "../../wire/configuration.ts";
import { makeKeyRequest } from "../../wire/key-request.ts";
import { buildSigningCertificate } from "../../wire/signing-certificate.ts";
import { buildTrustBundle } from "../../wire/trust-bundle.ts";
import { tokenOfMetadata } from "../identity-token.ts";
import type { Sign } from "../sign.ts";
import { decodeMessage, nameOf } from "../unary-method.ts";
import type { CallInHand, UnaryMethod } from "../unary-method.ts";

/** What both versions of the API need. */
export interface FulcioDeps {
  readonly sign: Sign;
  /** The configuration in force; asked once per call. */
  readonly generation: () => Generation;
  readonly rateLimits: Pick<RateLimits, "reads">;
}

/** dev.sigstore.fulcio.v2.CA. */
export function fulcioV2({ sign, generation, rateLimits }: FulcioDeps): readonly UnaryMethod[] {
  return [
    {
      name: nameOf(CA.method.createSigningCertificate),
      answer: async (inHand) => {
        const { signedCertificateEmbeddedSct: value } = buildSigningCertificate(await sign(inHand, parseSigningCall));
        const chain = { certificates: [...value.chain.certificates] };
        const certificate = { case: "signedCertificateEmbeddedSct", value: { chain } } as const;
        return toBinary(SigningCertificateSchema, create(SigningCertificateSchema, { certificate }));
      },
    },
    {
      name: nameOf(CA.method.getTrustBundle),
      answer: ({ call, request }) => {
        limitReads(rateLimits.reads, call.client);
        decodeMessage(GetTrustBundleRequestSchema, request);
        const { chains } = buildTrustBundle(generation().trustBundle);
        const all = chains.map(({ certificates }) => ({ certificates: [...certificates] }));
        return toBinary(TrustBundleSchema, create(TrustBundleSchema, { chains: all }));
      },
    },
    {
      name: nameOf(CA.method.getConfiguration),
      answer: ({ call, request }) => {
        limitReads(rateLimits.reads, call.client);
        decodeMessage(GetConfigurationRequestSchema, request);
        const issuers = buildConfiguration(generation().issuers).issuers.map((issuer) => ({
          issuer: nameOfIssuer(issuer),
          ...issuer,
        }));
        return toBinary(ConfigurationSchema, create(ConfigurationSchema, { issuers }));
      },
    },
  ];
}

function nameOfIssuer(name: OidcIssuerName) {
  return "issuerUrl" in name
    ? { case: "issuerUrl" as const, value: name.issuerUrl }
    : { case: "wildcardIssuerUrl" as const, value: name.wildcardIssuerUrl };
}

/** The token of the message wins, as by Fulcio. Of two keys the last one counts, by the rules of the binary format. */
function parseSigningCall({ call, request }: CallInHand): SigningRequest {
  const message = decodeMessage(CreateSigningCertificateRequestSchema, request);
  const inMessage = message.credentials?.credentials.value ?? "";
  const key = parseKeyRequest(message);
  return { idToken: inMessage === "" ? tokenOfMetadata(call.rawHeaders) : inMessage, key };
}

function parseKeyRequest({ key }: CreateSigningCertificateRequest): KeyRequest {
  switch (key.case) {
    case "certificateSigningRequest":
      return makeKeyRequest({ csr: key.value, publicKey: undefined, proof: undefined });
    case "publicKeyRequest": {
      const { publicKey, proofOfPossession: proof } = key.value;
      const pem = publicKey === undefined ? undefined : Buffer.from(publicKey.content, "utf8");
      return makeKeyRequest({ csr: undefined, publicKey: pem, proof });
    }
    case undefined:
      return makeKeyRequest({ csr: undefined, publicKey: undefined, proof: undefined });
  }
}
