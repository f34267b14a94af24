import { afterEach, describe, expect, it } from "@jest/globals";
import { startGrpc, V2 } from "./grpc-rig.ts";
import type { GrpcRig } from "./grpc-rig.ts";

let rig: GrpcRig | undefined;
afterEach(async () => {
  await rig?.close();
  rig = undefined;
});

const MESSAGE = {
  credentials: { credentials: { case: "oidcIdentityToken", value: "a.b.c" } },
  key: { case: "publicKeyRequest", value: { publicKey: { content: "pem" }, proofOfPossession: Buffer.from("proof") } },
} as const;

describe("CreateSigningCertificate", () => {
  it("gives the chain that issuance gave, with the token and the key that it was sent", async () => {
    rig = await startGrpc();
    const answer = await rig.ask(V2.createSigningCertificate, MESSAGE);
    expect(answer.certificate.case).toBe("signedCertificateEmbeddedSct");
    expect(answer.certificate.value?.chain?.certificates).toHaveLength(3);
    expect(rig.requests).toEqual([
      { idToken: "a.b.c", key: { kind: "public-key", publicKey: Buffer.from("pem"), proof: Buffer.from("proof") } },
    ]);
    await rig.recorded(1);
    expect(rig.events).toMatchObject([
      { status: 200, logIndex: 41, grpc: { method: "CreateSigningCertificate", code: 0 } },
    ]);
  });
});
