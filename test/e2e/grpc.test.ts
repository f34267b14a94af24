import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, credentials } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "@jest/globals";
import { Agent, fetch } from "undici";
import { CA } from "../../src/gen/dev/sigstore/fulcio/v2/fulcio_pb.ts";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../src/gen/grpc/health/v1/health_pb.ts";
import { makeKey, pemOf } from "../support/caller-keys.ts";
import { ANCHORS, startTestService } from "../support/service.ts";
import type { TestService } from "../support/service.ts";
import { CALLER, proofBy } from "../support/signing-body.ts";
import { makeTestTlsPair } from "../support/tls-pair.ts";

let test: TestService | undefined;
let client: Client | undefined;
const folder = mkdtempSync(join(tmpdir(), "mayfly-e2e-grpc-"));
afterEach(async () => {
  client?.close();
  client = undefined;
  await test?.close();
  test = undefined;
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const asItIs = (bytes: Buffer): Buffer => bytes;

function ask(path: string, bytes: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client!.makeUnaryRequest(
      path,
      asItIs,
      asItIs,
      Buffer.from(bytes),
      (error: ServiceError | null, answer?: Buffer) => {
        if (error === null) resolve(answer!);
        else reject(error);
      },
    );
  });
}

/** A certificate for a fresh key, by a token of the development issuer. */
async function sign(): Promise<X509Certificate[]> {
  const key = makeKey("ecdsa-p256");
  const { input, output } = CA.method.createSigningCertificate;
  const message = create(input, {
    credentials: { credentials: { case: "oidcIdentityToken", value: await test!.issuer.mintToken("email") } },
    key: {
      case: "publicKeyRequest",
      value: { publicKey: { content: pemOf(key.publicKey).toString() }, proofOfPossession: proofBy(key) },
    },
  });
  const answer = fromBinary(
    output,
    await ask("/dev.sigstore.fulcio.v2.CA/CreateSigningCertificate", toBinary(input, message)),
  );
  return (answer.certificate.value?.chain?.certificates ?? []).map((pem) => new X509Certificate(pem));
}

/** Whom to trust, over gRPC and by the first version of the HTTP API. */
async function expectSameChain(publicUrl: string): Promise<void> {
  const dispatcher = new Agent({ connect: { ca: tls.certificate } });
  const answer = await fetch(`${publicUrl.replace("127.0.0.1", "localhost")}/api/v1/rootCert`, { dispatcher });
  expect(answer.status).toBe(200);
  const { input, output } = CA.method.getTrustBundle;
  const path = "/dev.sigstore.fulcio.v2.CA/GetTrustBundle";
  const { chains } = fromBinary(output, await ask(path, toBinary(input, create(input))));
  const overGrpc = chains.flatMap(({ certificates }) => certificates).join("");
  expect((await answer.text()).replaceAll("\n\n", "\n").trim()).toBe(overGrpc.trim());
  await dispatcher.close();
}

async function health(): Promise<Status> {
  const { input, output } = Health.method.check;
  return fromBinary(output, await ask("/grpc.health.v1.Health/Check", toBinary(input, create(input)))).status;
}

const tls = makeTestTlsPair(folder, "server");
const files = `tls: { certificate: "${tls.certificateFile}", key: "${tls.keyFile}" }`;

const services: readonly [string, (text: string) => string, boolean][] = [
  ["on a port of its own", (text) => `${text}grpc: { listen: "127.0.0.2:0" }\n`, false],
  ["on the port of HTTP", (text) => `${text}grpc: { listen: "127.0.0.1:0" }\n`, false],
  ["with a certificate of its own", (text) => `${text}grpc: { listen: "127.0.0.2:0", ${files} }\n`, true],
  [
    "with that of HTTP, on its port",
    (text) => `${text.replace('http: { listen: "127.0.0.1:0"', `$&, ${files}`)}grpc: { listen: "127.0.0.1:0" }\n`,
    true,
  ],
];

describe.each(services)("a service with gRPC %s", (_says, change, isTls) => {
  it("[FC30] [FC31] [FC32] issues certificates that are logged and counted, says that it is ready, and stops with all done", async () => {
    test = await startTestService(change);
    const { grpcUrl, publicUrl, operationsUrl } = test.service;
    expect(grpcUrl).toMatch(isTls ? /^https:/u : /^http:/u);
    expect(grpcUrl === publicUrl).toBe(test.config.grpc?.listen.host === "127.0.0.1");
    const port = new URL(grpcUrl!).port;
    const host = test.config.grpc!.listen.host;
    client = new Client(
      `${host}:${port}`,
      isTls ? credentials.createSsl(Buffer.from(tls.certificate)) : credentials.createInsecure(),
      { "grpc.ssl_target_name_override": "localhost" },
    );
    expect(await health()).toBe(Status.SERVING);
    await expectSameChain(publicUrl);
    const [leaf, ...issuers] = await sign();
    expect(leaf?.subjectAltName).toBe(`email:${CALLER}`);
    expect(issuers.map((issuer) => issuer.toString()).join("")).toBe(ANCHORS.chainPem);
    expect(leaf?.verify(issuers[0]!.publicKey)).toBe(true);
    test.service.pauseIssuance();
    await expect(sign()).rejects.toMatchObject({ code: 14 });
    expect(await health()).toBe(Status.SERVING);
    const metrics = await (await fetch(`${operationsUrl}/metrics`)).text();
    expect(metrics).toContain(
      'grpc_server_handled_total{grpc_service="dev.sigstore.fulcio.v2.CA",grpc_method="CreateSigningCertificate",grpc_code="OK"} 1\n',
    );
    expect(metrics).toContain('mayfly_refusals_total{code="overloaded",reason="ISSUANCE_PAUSED"} 1\n');
    expect(await test.stop()).toBe(0);
    expect(test.logText()).toContain(
      '"route":"/dev.sigstore.fulcio.v2.CA/CreateSigningCertificate","status":200,"grpcCode":0',
    );
  });
});

describe("a service without gRPC", () => {
  it("has no address for it, and refuses the preface of HTTP/2", async () => {
    test = await startTestService();
    expect(test.service).not.toHaveProperty("grpcUrl");
    client = new Client(new URL(test.service.publicUrl).host, credentials.createInsecure());
    await expect(health()).rejects.toMatchObject({ code: 14 });
  });
});
