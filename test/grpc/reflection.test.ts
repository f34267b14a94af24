import { create, createFileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
} from "../../src/gen/grpc/reflection/v1/reflection_pb.ts";
import type { ServerReflectionResponse } from "../../src/gen/grpc/reflection/v1/reflection_pb.ts";
import { UNLIMITED } from "../../src/adapters/limits/open-rate-limits.ts";
import { itWhen } from "../support/it-when.ts";
import { makeTestTlsPair } from "../support/tls-pair.ts";
import type { TestTlsPair } from "../support/tls-pair.ts";
import { startGrpc } from "./grpc-rig.ts";
import type { GrpcRig } from "./grpc-rig.ts";

let rig: GrpcRig | undefined;
afterEach(async () => {
  await rig?.close(0);
  rig = undefined;
});

const SERVICES = [
  "dev.sigstore.fulcio.v2.CA",
  "dev.sigstore.fulcio.v1beta.CA",
  "grpc.health.v1.Health",
  "grpc.reflection.v1.ServerReflection",
  "grpc.reflection.v1alpha.ServerReflection",
];
const PATHS = [
  "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
  "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

type Question = NonNullable<MessageInitShape<typeof ServerReflectionRequestSchema>["messageRequest"]>;

const asItIs = (bytes: Buffer): Buffer => bytes;

/** Asks on one stream, one question after the other. */
function askAbout(path: string, questions: readonly (Question | Uint8Array)[]): Promise<ServerReflectionResponse[]> {
  return new Promise((resolve, reject) => {
    const answers: ServerReflectionResponse[] = [];
    const stream = rig!.client.makeBidiStreamRequest(path, asItIs, asItIs);
    stream.on("data", (bytes: Buffer) => answers.push(fromBinary(ServerReflectionResponseSchema, bytes)));
    stream.on("error", reject).on("end", () => {
      resolve(answers);
    });
    for (const question of questions) {
      const message = create(ServerReflectionRequestSchema, { host: "h", messageRequest: question as Question });
      const bytes = question instanceof Uint8Array ? question : toBinary(ServerReflectionRequestSchema, message);
      stream.write(Buffer.from(bytes));
    }
    stream.end();
  });
}

describe.each(PATHS)("reflection by %s", (path) => {
  it("lists the services", async () => {
    rig = await startGrpc();
    const [answer] = await askAbout(path, [{ case: "listServices", value: "" }]);
    expect(answer?.validHost).toBe("h");
    expect(answer?.messageResponse).toMatchObject({
      case: "listServicesResponse",
      value: { service: SERVICES.map((name) => ({ name })) },
    });
  });

  it("describes each service so that a program can build its messages", async () => {
    rig = await startGrpc();
    const symbols: Question[] = SERVICES.map((value) => ({ case: "fileContainingSymbol", value }));
    const answers = await askAbout(path, symbols);
    expect(answers).toHaveLength(SERVICES.length);
    for (const [at, { messageResponse }] of answers.entries()) {
      if (messageResponse.case !== "fileDescriptorResponse") throw new Error(String(messageResponse.case));
      const files = messageResponse.value.fileDescriptorProto.map((bytes) =>
        fromBinary(FileDescriptorProtoSchema, bytes),
      );
      // Throws unless every file that is imported is there too.
      const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: files.reverse() }));
      expect(registry.getService(SERVICES[at]!)?.typeName).toBe(SERVICES[at]);
    }
  });

  it.each([
    "dev.sigstore.fulcio.v2.CA.GetTrustBundle",
    "dev.sigstore.fulcio.v2.PublicKeyAlgorithm",
    "google.rpc.ErrorInfo",
    "grpc.health.v1.HealthCheckResponse.ServingStatus",
  ])("finds the file of %s", async (value) => {
    rig = await startGrpc();
    const [answer] = await askAbout(path, [{ case: "fileContainingSymbol", value }]);
    expect(answer?.messageResponse.case).toBe("fileDescriptorResponse");
  });

  it("gives a file by its name", async () => {
    rig = await startGrpc();
    const [answer] = await askAbout(path, [{ case: "fileByFilename", value: "dev/sigstore/fulcio/v2/fulcio.proto" }]);
    expect(answer?.messageResponse.case).toBe("fileDescriptorResponse");
  });

  const unanswerable: readonly [Question, number][] = [
    [{ case: "fileContainingSymbol", value: "dev.sigstore.fulcio.v2.Nothing" }, 5],
    [{ case: "fileByFilename", value: "../../../etc/passwd" }, 5],
    [{ case: "allExtensionNumbersOfType", value: "dev.sigstore.fulcio.v2.CA" }, 5],
    [{ case: "fileContainingExtension", value: { containingType: "x", extensionNumber: 1 } }, 5],
    [{ case: undefined }, 12],
  ];
  it.each(unanswerable)("has no answer to %j", async (question, errorCode) => {
    rig = await startGrpc();
    const [answer] = await askAbout(path, [question]);
    expect(answer?.messageResponse).toMatchObject({ case: "errorResponse", value: { errorCode } });
  });

  it("refuses a question that is no message", async () => {
    rig = await startGrpc();
    await expect(askAbout(path, [Buffer.from([0xff])])).rejects.toMatchObject({ code: 3 });
    await rig.recorded(1);
    expect(rig.events).toMatchObject([{ status: 400, reason: "MESSAGE_MALFORMED", grpc: { code: 3 } }]);
  });

  it("refuses questions beyond the rate of reads", async () => {
    let left = 2;
    const reads = { take: () => (left-- > 0 ? 0 : 1_000), waitMs: () => 0 };
    rig = await startGrpc({ grpc: { rateLimits: { signing: UNLIMITED, failedTokens: UNLIMITED, reads } } });
    const question: Question = { case: "listServices", value: "" };
    await expect(askAbout(path, [question, question, question])).rejects.toMatchObject({ code: 8 });
  });

  it("answers no more questions than its caller takes answers", async () => {
    let asked = 0;
    const reads = { take: () => (asked++, 0), waitMs: () => 0 };
    rig = await startGrpc({ grpc: { rateLimits: { signing: UNLIMITED, failedTokens: UNLIMITED, reads } } });
    const session = connect(`http://127.0.0.1:${String(rig.port)}`);
    const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc" });
    const question = toBinary(
      ServerReflectionRequestSchema,
      create(ServerReflectionRequestSchema, {
        messageRequest: { case: "fileContainingSymbol", value: "dev.sigstore.fulcio.v2.CA" },
      }),
    );
    const head = Buffer.alloc(5);
    head.writeUInt32BE(question.length, 1);
    stream.pause().end(Buffer.concat(Array.from({ length: 500 }, () => [head, question]).flat()));
    await once(stream, "response");
    for (let count = 0; count < 20; count++) {
      await new Promise<void>((heard) => {
        session.settings({}, () => {
          heard();
        });
      });
    }
    expect(asked).toBeLessThan(100);
    stream.resume();
    await once(stream, "close");
    expect(asked).toBe(500);
    session.destroy();
  });

  it("[C14] is not there when it is not wanted", async () => {
    rig = await startGrpc({ grpc: { reflection: false } });
    await expect(askAbout(path, [{ case: "listServices", value: "" }])).rejects.toMatchObject({ code: 12 });
  });
});

const run = promisify(execFile);
const hasGrpcurl = await run("grpcurl", ["-version"]).then(
  () => true,
  () => false,
);
const [itWithGrpcurl, skipped] = itWhen(hasGrpcurl, "there is no grpcurl on the PATH");

describe("grpcurl", () => {
  let folder: string;
  let pair: TestTlsPair;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "mayfly-grpcurl-"));
    pair = makeTestTlsPair(folder, "server");
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  itWithGrpcurl(`lists and calls the service, in clear and over TLS${skipped}`, async () => {
    for (const tls of [undefined, pair]) {
      rig = await startGrpc(tls === undefined ? {} : { tls });
      const options = tls === undefined ? ["-plaintext"] : ["-cacert", tls.certificateFile];
      const ask = async (...words: readonly string[]): Promise<string> =>
        (await run("grpcurl", [...options, `localhost:${String(rig!.port)}`, ...words])).stdout;
      expect((await ask("list")).trim().split("\n").sort()).toEqual([...SERVICES].sort());
      expect(await ask("describe", "dev.sigstore.fulcio.v2.CA")).toContain("rpc CreateSigningCertificate");
      expect(JSON.parse(await ask("dev.sigstore.fulcio.v2.CA/GetTrustBundle"))).toMatchObject({ chains: [{}] });
      await rig.close(0);
    }
  });
});
