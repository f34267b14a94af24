import { createServer } from "node:http";
import { describe, expect, it } from "@jest/globals";
import request from "supertest";
import { makeOperationsApp } from "../../src/http/operations-app.ts";
import type { OperationsAppDeps, Readiness } from "../../src/http/operations-app.ts";

const CONFIGURATION = { generation: 1, digest: "00" };

const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

function app(overrides: Partial<OperationsAppDeps> = {}) {
  return createServer(
    makeOperationsApp({
      clock: { now: () => 0, monotonic: () => 0 },
      requestId: () => "own-1",
      readiness: () => ({
        ok: true,
        issuance: "running",
        configuration: CONFIGURATION,
        shard: "2026",
        checks: [{ name: "log", ok: true }],
      }),
      metrics: () => Promise.resolve({ contentType: CONTENT_TYPE, body: "mayfly_up 1\n" }),
      ...overrides,
    }),
  );
}

describe("the operations listener", () => {
  it("gives the metrics in the registry's own format", async () => {
    const answer = await request(app()).get("/metrics");
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe(CONTENT_TYPE);
    expect(answer.text).toBe("mayfly_up 1\n");
  });

  it.each(["/healthz", "/livez"])("[V3] GET %s is 200 while the process is not ready", async (path) => {
    const answer = await request(
      app({
        readiness: () => ({ ok: false, issuance: "running", configuration: CONFIGURATION, shard: "2026", checks: [] }),
      }),
    ).get(path);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ status: "SERVING" });
  });

  it("[V3] GET /readyz is 200 with every check", async () => {
    const answer = await request(app()).get("/readyz");
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      ok: true,
      issuance: "running",
      configuration: CONFIGURATION,
      shard: "2026",
      checks: [{ name: "log", ok: true }],
    });
  });

  it("[V3] GET /readyz is 503 when a check fails, and says which", async () => {
    const state: Readiness = {
      ok: false,
      issuance: "running",
      configuration: CONFIGURATION,
      shard: "2026",
      checks: [{ name: "log", ok: false, detail: "no checkpoint for 9 s" }],
    };
    const answer = await request(app({ readiness: () => Promise.resolve(state) })).get("/readyz");
    expect(answer.status).toBe(503);
    expect(answer.body).toEqual(state);
    expect(answer.headers["cache-control"]).toBe("no-store");
  });

  it.each(["/healthz", "/livez", "/readyz"])("HEAD %s is answered without a body", async (path) => {
    const answer = await request(app()).head(path);
    expect(answer.status).toBe(200);
    expect(answer.text).toBeUndefined();
  });

  it.each(["/", "/metrics/", "/Metrics", "/debug/pprof", "/api/v2/signingCert", "/api/v2/trustBundle", "/heapdump"])(
    "%s is 404 in JSON",
    async (path) => {
      const answer = await request(app()).get(path);
      expect(answer.status).toBe(404);
      expect(answer.body).toMatchObject({ code: 5, details: [{ reason: "NO_SUCH_PATH" }] });
    },
  );

  it.each(["/metrics", "/readyz", "/livez"])("POST %s is 501", async (path) => {
    expect((await request(app()).post(path)).status).toBe(501);
  });

  it("A31 masks a check and a registry that fail", async () => {
    const fail = () => Promise.reject(new Error("secret"));
    const server = app({ readiness: fail, metrics: fail });
    for (const path of ["/readyz", "/metrics"]) {
      const answer = await request(server).get(path);
      expect(answer.status).toBe(500);
      expect(answer.text).not.toContain("secret");
    }
  });
});
