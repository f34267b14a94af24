import { create, toBinary } from "@bufbuild/protobuf";
import {
  CreateSigningCertificateRequestSchema,
  PublicKeyAlgorithm,
} from "../src/gen/dev/sigstore/fulcio/v2/fulcio_pb.ts";
import { GrpcCaller } from "./grpc-caller.ts";
import type { LoadOrder } from "./load.ts";
import { prepareSignings, type Signing } from "./requests.ts";
import { runCallers } from "./run-callers.ts";
import { takeOrder } from "./take-order.ts";

function encodeMessage({ token, publicKeyPem, proof }: Signing): Uint8Array {
  const publicKey = { algorithm: PublicKeyAlgorithm.ECDSA, content: publicKeyPem };
  const message = create(CreateSigningCertificateRequestSchema, {
    credentials: { credentials: { case: "oidcIdentityToken", value: token } },
    key: { case: "publicKeyRequest", value: { publicKey, proofOfPossession: proof } },
  });
  return toBinary(CreateSigningCertificateRequestSchema, message);
}

takeOrder((order: LoadOrder) => {
  const messages = prepareSignings(order.issuer, order.count).map(encodeMessage);
  return () => runCallers(order.concurrency, messages, () => new GrpcCaller(order.host, order.port));
});
