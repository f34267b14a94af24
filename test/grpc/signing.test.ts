import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { afterEach, describe, expect, it } from "@jest/globals";
import { CreateSigningCertificateRequestSchema as V1RequestSchema } from "../../src/gen/dev/sigstore/fulcio/v1beta/fulcio_legacy_pb.ts";
import { HttpBodySchema } from "../../src/gen/google/api/httpbody_pb.ts";
import { startGrpc, V2 } from "./grpc-rig.ts";
import type { GrpcRig } from "./grpc-rig.ts";

let rig: GrpcRig | undefined;
afterEach(async () => {
  await rig?.close();
  rig = undefined;
});

type Message = Partial<ReturnType<typeof credentials>>;

const KEY = {
  case: "publicKeyRequest",
  value: { publicKey: { content: "pem" }, proofOfPossession: Buffer.from("proof") },
} as const;
const CSR = { case: "certificateSigningRequest", value: Buffer.from("csr") } as const;
const credentials = (value: string) => ({
  credentials: { credentials: { case: "oidcIdentityToken", value } as const },
});
const V1 = "/dev.sigstore.fulcio.v1beta.CA";

describe("CreateSigningCertificate", () => {
  it("[CL10] [CL11] gives the chain that issuance gave, embedded and with nothing beside it", async () => {
    rig = await startGrpc();
    const answer = await rig.ask(V2.createSigningCertificate, { ...credentials("a.b.c"), key: KEY });
    expect(answer.certificate).toMatchObject({
      case: "signedCertificateEmbeddedSct",
      value: {
        chain: {
          certificates: [
            "-----BEGIN CERTIFICATE-----\nMAMCAQc=\n-----END CERTIFICATE-----",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
            "-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----",
          ],
        },
      },
    });
    await rig.recorded(1);
    expect(rig.events).toEqual([
      {
        requestId: "own-1",
        method: "POST",
        route: "/dev.sigstore.fulcio.v2.CA/CreateSigningCertificate",
        status: 200,
        durationMs: 1,
        grpc: { service: "dev.sigstore.fulcio.v2.CA", method: "CreateSigningCertificate", code: 0 },
        serialNumber: "0102030405060708090a0b0c0d0e0f1011121314",
        logIndex: 41,
      },
    ]);
  });

  const places: readonly { says: string; message: Message; metadata: Record<string, string> }[] = [
    { says: "the message", message: credentials("a.b.c"), metadata: {} },
    { says: "the metadata authorization", message: {}, metadata: { authorization: "Bearer a.b.c" } },
    { says: "that, whatever the case of the scheme", message: {}, metadata: { authorization: "bearer a.b.c" } },
    { says: "Fulcio's own metadata", message: {}, metadata: { oidcidentitytoken: "a.b.c" } },
    {
      says: "the message, whatever the metadata say",
      message: credentials("a.b.c"),
      metadata: { authorization: "Basic eA==", oidcidentitytoken: "d.e.f" },
    },
    {
      says: "the metadata, when the message has an empty one",
      message: credentials(""),
      metadata: { oidcidentitytoken: "a.b.c" },
    },
  ];
  it.each(places)("[CL4] takes the token of $says", async ({ message, metadata }) => {
    rig = await startGrpc();
    await rig.ask(V2.createSigningCertificate, { ...message, key: KEY }, { metadata });
    expect(rig.requests).toEqual([
      { idToken: "a.b.c", key: { kind: "public-key", publicKey: Buffer.from("pem"), proof: Buffer.from("proof") } },
    ]);
  });

  it("takes a certification request", async () => {
    rig = await startGrpc();
    await rig.ask(V2.createSigningCertificate, { ...credentials("a.b.c"), key: CSR });
    expect(rig.requests).toMatchObject([{ key: { kind: "csr", csr: Buffer.from("csr") } }]);
  });

  it("[B6b] takes the last of two keys, as the binary format has it", async () => {
    rig = await startGrpc();
    const encode = (key: typeof CSR | typeof KEY): Uint8Array =>
      toBinary(V2.createSigningCertificate.input, create(V2.createSigningCertificate.input, { key }));
    const both = Buffer.concat([encode(KEY), encode(CSR)]);
    await rig.askRaw("/dev.sigstore.fulcio.v2.CA/CreateSigningCertificate", both, {
      metadata: { oidcidentitytoken: "a.b.c" },
    });
    expect(rig.requests).toMatchObject([{ key: { kind: "csr" } }]);
  });

  it("[B9] [B23] ignores fields that it does not know", async () => {
    rig = await startGrpc();
    const known = toBinary(
      V2.createSigningCertificate.input,
      create(V2.createSigningCertificate.input, { ...credentials("a.b.c"), key: KEY }),
    );
    // Field 1000 with 100 KiB, and twenty groups one within the other.
    const large = Buffer.concat([Buffer.from([0xc2, 0x3e, 0x80, 0xa0, 0x06]), Buffer.alloc(100 * 1024)]);
    const groups = Buffer.concat([Buffer.alloc(20, 0x7b), Buffer.alloc(20, 0x7c)]);
    await rig.askRaw("/dev.sigstore.fulcio.v2.CA/CreateSigningCertificate", Buffer.concat([large, known, groups]));
    expect(rig.requests).toMatchObject([{ idToken: "a.b.c" }]);
  });

  it("returns the identifier that the caller gave its call, and makes one where there is none", async () => {
    rig = await startGrpc();
    const asked = { ...credentials("a.b.c"), key: KEY };
    await rig.ask(V2.createSigningCertificate, asked, { metadata: { "x-request-id": "mine-1" } });
    await rig.ask(V2.createSigningCertificate, asked, { metadata: { "x-request-id": "not mine" } });
    await rig.recorded(2);
    expect(rig.events.map(({ requestId }) => requestId)).toEqual(["mine-1", "own-1"]);
  });
});

describe("dev.sigstore.fulcio.v1beta.CA", () => {
  const encode = (message: MessageInitShape<typeof V1RequestSchema>): Uint8Array =>
    toBinary(V1RequestSchema, create(V1RequestSchema, message));

  it("signs for a key in DER, and answers with the PEM text of the first version", async () => {
    rig = await startGrpc();
    const message = { publicKey: { content: Buffer.from("300301", "hex") }, signedEmailAddress: Buffer.from("proof") };
    const bytes = await rig.askRaw(`${V1}/CreateSigningCertificate`, encode(message), {
      metadata: { oidcidentitytoken: "a.b.c" },
    });
    const { contentType, data } = fromBinary(HttpBodySchema, bytes);
    expect(contentType).toBe("application/pem-certificate-chain");
    expect(Buffer.from(data).toString()).toBe(
      "-----BEGIN CERTIFICATE-----\nMAMCAQc=\n-----END CERTIFICATE-----\n" +
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" +
        "-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----",
    );
    expect(rig.requests).toMatchObject([
      { idToken: "a.b.c", key: { kind: "public-key", proof: Buffer.from("proof") } },
    ]);
  });

  it("signs by a certification request when there is one, whatever the key is", async () => {
    rig = await startGrpc();
    const message = { publicKey: { content: Buffer.from("x") }, certificateSigningRequest: Buffer.from("csr") };
    await rig.askRaw(`${V1}/CreateSigningCertificate`, encode(message), {
      metadata: { authorization: "Bearer a.b.c" },
    });
    expect(rig.requests).toMatchObject([{ key: { kind: "csr", csr: Buffer.from("csr") } }]);
  });

  it("gives the certificates to trust, a blank line between them", async () => {
    rig = await startGrpc();
    const { data } = fromBinary(HttpBodySchema, await rig.askRaw(`${V1}/GetRootCertificate`, new Uint8Array(0)));
    expect(Buffer.from(data).toString()).toBe(
      "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n\n" +
        "-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----",
    );
  });
});

describe("the reads of dev.sigstore.fulcio.v2.CA", () => {
  it("give the chains to trust and the issuers, as over HTTP", async () => {
    rig = await startGrpc();
    const { chains } = await rig.ask(V2.getTrustBundle, {});
    expect(chains.map(({ certificates }) => certificates)).toEqual([
      [
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----\n",
      ],
    ]);
    const { issuers } = await rig.ask(V2.getConfiguration, {});
    expect(issuers).toMatchObject([
      {
        issuer: { case: "issuerUrl", value: "https://accounts.example.com" },
        audience: "sigstore",
        challengeClaim: "email",
        issuerType: "email",
        skipEmailVerification: false,
      },
      { issuer: { case: "wildcardIssuerUrl", value: "https://*.tenants.example.com" }, audience: "tenants" },
    ]);
  });
});
