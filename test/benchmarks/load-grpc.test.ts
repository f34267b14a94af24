import { afterEach, describe, expect, it } from "@jest/globals";
import { fork } from "node:child_process";
import { generateKeyPairSync, verify, createPublicKey } from "node:crypto";
import { once } from "node:events";
import { jwtVerify } from "jose";
import type { LoadOrder } from "../../benchmarks/load.ts";
import type { LoadResult } from "../../benchmarks/run-callers.ts";
import { MayflyError } from "../../src/core/errors.ts";
import { startGrpc } from "../grpc/grpc-rig.ts";
import type { GrpcRig } from "../grpc/grpc-rig.ts";

const ISSUER_URL = "http://127.0.0.1:8888/github";
const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

let rig: GrpcRig | undefined;
afterEach(async () => {
  await rig?.close(0);
  rig = undefined;
});

async function load(port: number, count: number, concurrency: number): Promise<LoadResult> {
  const keyPem = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  const issuer = { url: ISSUER_URL, kid: "k", keyPem };
  const order: LoadOrder = { host: "127.0.0.1", port, concurrency, count, issuer };
  const child = fork("benchmarks/load-grpc.ts", { serialization: "advanced", execArgv: [] });
  child.send(order);
  expect(await once(child, "message")).toEqual(["ready", undefined]);
  child.send("go");
  const [result] = (await once(child, "message")) as [LoadResult];
  expect(await once(child, "exit")).toEqual([0, null]);
  return result;
}

describe("the load of a benchmark over gRPC", () => {
  it("sends calls that a server can accept, each with a token, a key and a proof of its own", async () => {
    rig = await startGrpc();
    const result = await load(rig.port, 20, 4);
    expect(result.failures).toEqual([]);
    expect(result.latenciesMs).toHaveLength(20);
    const keys = new Set<string>();
    for (const { idToken, key } of rig.requests) {
      const { payload } = await jwtVerify(idToken, publicKey, { issuer: ISSUER_URL, audience: "sigstore" });
      if (key.kind !== "public-key") throw new Error("a certification request");
      const pem = Buffer.from(key.publicKey).toString();
      expect(verify("sha256", Buffer.from(payload.sub ?? ""), createPublicKey(pem), key.proof)).toBe(true);
      keys.add(pem);
    }
    expect(keys.size).toBe(20);
  });

  it("counts refusals as failures", async () => {
    rig = await startGrpc({ issue: () => Promise.reject(new MayflyError("LOG_BUSY", "made by a test")) });
    const { latenciesMs, failures } = await load(rig.port, 3, 1);
    expect(latenciesMs).toEqual([]);
    expect(failures).toEqual(Array.from({ length: 3 }, () => "14 Error%20entering%20certificate%20in%20CTL"));
  });
});
