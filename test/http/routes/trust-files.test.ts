import { describe, expect, it } from "@jest/globals";
import request from "supertest";
import type { TrustFileName, TrustFiles } from "../../../src/trust/trust-file-names.ts";
import { bare, makeRig } from "../public-app.ts";

/** Files that say what they are called, in JSON. */
const filesOf = (version: string): TrustFiles => {
  const file = (name: TrustFileName): Uint8Array => Buffer.from(`"${version} of ${name}"\n`);
  return {
    "trusted_root.json": file("trusted_root.json"),
    "signing_config.v0.2.json": file("signing_config.v0.2.json"),
    "client_trust_config.json": file("client_trust_config.json"),
    "chain.pem": file("chain.pem"),
    "ct_log.pem": file("ct_log.pem"),
    "ct_logs.pem": file("ct_logs.pem"),
    "fingerprints.txt": file("fingerprints.txt"),
  };
};

const FILES = filesOf("first");
const rig = makeRig(undefined, { trustFiles: () => FILES });

describe("/trust", () => {
  it.each([
    ["trusted_root.json", "application/json"],
    ["signing_config.v0.2.json", "application/json"],
    ["client_trust_config.json", "application/json"],
    ["chain.pem", "application/pem-certificate-chain"],
    ["ct_log.pem", "text/plain; charset=utf-8"],
    ["ct_logs.pem", "text/plain; charset=utf-8"],
    ["fingerprints.txt", "text/plain; charset=utf-8"],
  ])("has %s as %s, for caches and for pages of any origin", async (name, type) => {
    const answer = await request(bare(rig)).get(`/trust/${name}`).set("Origin", "https://page.example.com");
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      "content-type": type,
      "cache-control": "public, max-age=60",
      "access-control-allow-origin": "*",
      "x-content-type-options": "nosniff",
    });
    const head = await request(bare(rig)).head(`/trust/${name}`);
    expect([head.status, head.headers["content-length"], head.headers["etag"]]).toEqual([
      200,
      String(`"first of ${name}"\n`.length),
      answer.headers["etag"],
    ]);
    const known = await request(bare(rig)).get(`/trust/${name}`).set("If-None-Match", String(answer.headers["etag"]));
    expect([known.status, known.text]).toEqual([304, ""]);
  });

  it("has another ETag when a file has changed, and the new file", async () => {
    let files = FILES;
    const changing = makeRig(undefined, { trustFiles: () => files });
    const before = await request(bare(changing)).get("/trust/chain.pem");
    files = filesOf("second");
    const after = await request(bare(changing))
      .get("/trust/ct_log.pem")
      .set("If-None-Match", String(before.headers["etag"]));
    expect([after.status, after.text]).toEqual([200, '"second of ct_log.pem"\n']);
  });

  it.each([
    "/trust",
    "/trust/",
    "/trust/trusted_root",
    "/trust/../trust/chain.pem",
    "/trust/TRUSTED_ROOT.json",
    "/trust/chain.pem/",
  ])("has nothing at %s", async (path) => {
    expect((await request(bare(rig)).get(path)).status).toBe(404);
  });

  it.each(["post", "put", "delete"] as const)("refuses to %s", async (method) => {
    const answer = await request(bare(rig))[method]("/trust/trusted_root.json");
    expect([answer.status, answer.headers["allow"]]).toEqual([501, "GET, HEAD"]);
  });

  it("is limited as every read is", async () => {
    const none = { take: () => 1_000, waitMs: () => 1_000 };
    const limited = makeRig(undefined, {
      trustFiles: () => FILES,
      rateLimits: { signing: none, failedTokens: none, reads: none },
    });
    const answer = await request(bare(limited)).get("/trust/trusted_root.json");
    expect([answer.status, answer.headers["retry-after"]]).toEqual([429, "1"]);
  });

  it("is not there where nobody configured what to trust", async () => {
    expect((await request(bare(makeRig())).get("/trust/trusted_root.json")).status).toBe(404);
  });
});
