import { create, toBinary } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import type { SigningRequest } from "../../core/issuance-types.ts";
import { limitReads } from "../../entrance/limit-rates.ts";
import { CA, CreateSigningCertificateRequestSchema } from "../../gen/dev/sigstore/fulcio/v1beta/fulcio_legacy_pb.ts";
import { HttpBodySchema } from "../../gen/google/api/httpbody_pb.ts";
import { makeV1KeyRequest } from "../../wire/key-request.ts";
import {
  encodePemCertificateChain,
  encodePemTrustBundle,
  PEM_CERTIFICATE_CHAIN,
} from "../../wire/pem-certificate-chain.ts";
import { tokenOfMetadata } from "../identity-token.ts";
import { decodeMessage } from "../unary-method.ts";
import type { CallInHand, UnaryMethod } from "../unary-method.ts";
import type { FulcioDeps } from "./fulcio-v2.ts";

/** dev.sigstore.fulcio.v1beta.CA: answers are the PEM texts of the first version of the HTTP API. */
export function fulcioV1beta({ sign, generation, rateLimits }: FulcioDeps): readonly UnaryMethod[] {
  return [
    {
      name: { service: CA.typeName, method: "CreateSigningCertificate" },
      answer: async (inHand) => encodePem(encodePemCertificateChain(await sign(inHand, parseSigningCall))),
    },
    {
      name: { service: CA.typeName, method: "GetRootCertificate" },
      answer: ({ call, request }) => {
        limitReads(rateLimits.reads, call.client);
        decodeMessage(EmptySchema, request);
        return encodePem(encodePemTrustBundle(generation().trustBundle));
      },
    },
  ];
}

function encodePem(text: string): Uint8Array {
  const body = create(HttpBodySchema, { contentType: PEM_CERTIFICATE_CHAIN, data: Buffer.from(text, "utf8") });
  return toBinary(HttpBodySchema, body);
}

/** It has no place for a token but the metadata. */
function parseSigningCall({ call, request }: CallInHand): SigningRequest {
  const message = decodeMessage(CreateSigningCertificateRequestSchema, request);
  const key = makeV1KeyRequest({
    publicKey: message.publicKey?.content,
    proof: message.signedEmailAddress,
    csr: message.certificateSigningRequest,
  });
  return { idToken: tokenOfMetadata(call.rawHeaders), key };
}
