import { afterEach, describe, expect, it } from "@jest/globals";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../src/gen/grpc/health/v1/health_pb.ts";
import { refusalOf, startGrpc } from "./grpc-rig.ts";
import type { GrpcRig } from "./grpc-rig.ts";

let rig: GrpcRig | undefined;
afterEach(async () => {
  await rig?.close(0);
  rig = undefined;
});

const SERVICES = ["", "dev.sigstore.fulcio.v2.CA", "dev.sigstore.fulcio.v1beta.CA", "grpc.health.v1.Health"];

describe("grpc.health.v1.Health/Check", () => {
  it.each(SERVICES)("says of %j what readiness says", async (service) => {
    let isReady = true;
    rig = await startGrpc({ grpc: { isReady: () => isReady } });
    expect((await rig.ask(Health.method.check, { service })).status).toBe(Status.SERVING);
    isReady = false;
    expect((await rig.ask(Health.method.check, { service })).status).toBe(Status.NOT_SERVING);
  });

  it("knows reflection where it is offered, and not where it is not", async () => {
    const service = "grpc.reflection.v1.ServerReflection";
    rig = await startGrpc();
    expect((await rig.ask(Health.method.check, { service })).status).toBe(Status.SERVING);
    await rig.close(0);
    rig = await startGrpc({ grpc: { reflection: false } });
    expect((await refusalOf(rig.ask(Health.method.check, { service }))).code).toBe(5);
  });

  it.each(["nothing", "dev.sigstore.fulcio.v2.ca", "dev.sigstore.fulcio.v2.CA/"])(
    "[C13] does not know %s",
    async (service) => {
      rig = await startGrpc();
      expect(await refusalOf(rig.ask(Health.method.check, { service }))).toMatchObject({
        code: 5,
        reason: "NO_SUCH_SERVICE",
      });
    },
  );
});
