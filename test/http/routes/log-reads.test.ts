import { describe, expect, it } from "@jest/globals";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import request from "supertest";
import { MayflyError } from "../../../src/core/errors.ts";
import type { PublishedLog } from "../../../src/http/routes/log-read.ts";
import type { StaticCtView } from "../../../src/ctlog/static-ct-view.ts";
import { makeClientAddress } from "../../../src/entrance/client-address.ts";
import { bare, makeRig } from "../public-app.ts";
import type { Rig } from "../public-app.ts";
import { startRaw, statuses } from "../raw-socket.ts";

const FINGERPRINT = "0123456789abcdef".repeat(4);
const NOTE = "log.example.com\n1\nAAAA\n\n\u2014 log.example.com AAAA\n";
const METADATA = '{"description":"log.example.com"}\n';
const IMMUTABLE = "public, max-age=604800, immutable";

/** A log that has what its keys say. */
function reads(found: Readonly<Record<string, string>>): StaticCtView {
  const find = (key: string): Promise<Uint8Array | undefined> => {
    const text = found[key];
    return Promise.resolve(text === undefined ? undefined : Buffer.from(text));
  };
  return {
    checkpoint: () => Promise.resolve(Buffer.from(NOTE)),
    cosignedCheckpoint: () => find("cosigned"),
    hashTile: (level, index, width) => find(`hash ${level} ${index} ${width}`),
    dataTile: (index, width) => find(`data ${index} ${width}`),
    issuer: (fingerprint) => find(`issuer ${Buffer.from(fingerprint).toString("hex")}`),
  };
}

const LOG = reads({
  "hash 0 0 256": "full",
  "hash 1 1234067 17": "partial",
  "data 3 200": "entries",
  [`issuer ${FINGERPRINT}`]: "der",
});

const notAsked = (): never => {
  throw new TypeError("is not asked here");
};

/** The log as its files alone. */
const filesOf = (staticCt: StaticCtView, pathPrefix = "/log"): (() => readonly PublishedLog[]) => {
  const rfc6962 = {
    treeHead: notAsked,
    consistency: notAsked,
    proofByHash: notAsked,
    entries: notAsked,
    entryAndProof: notAsked,
    roots: notAsked,
  };
  const logs = [{ pathPrefix, view: { staticCt, rfc6962, logV3Json: () => Buffer.from(METADATA) }, roots: [] }];
  return () => logs;
};

const rigOf = (log: StaticCtView = LOG, pathPrefix = "/log"): Rig =>
  makeRig(undefined, { logs: filesOf(log, pathPrefix) });

describe("reads of the log", () => {
  it("serves the newest cosigned checkpoint beside the newest one, as soon as there is one", async () => {
    const url = "/log/checkpoint.cosigned";
    expect((await request(bare(rigOf())).get(url)).status).toBe(404);
    const answer = await request(bare(rigOf(reads({ cosigned: "with the lines of witnesses\n" })))).get(url);
    expect(answer.text).toBe("with the lines of witnesses\n");
    expect(answer.headers).toMatchObject({ "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" });
  });

  it("serves each log under its own path, and one that has come since the last request", async () => {
    const [old] = filesOf(LOG, "/2026")();
    const [next] = filesOf({ ...LOG, checkpoint: () => Promise.resolve(Buffer.from("the next\n")) }, "/2027")();
    let logs = [old!];
    const server = bare(makeRig(undefined, { logs: () => logs }));
    expect((await request(server).get("/2026/checkpoint")).text).toBe(NOTE);
    expect((await request(server).get("/2027/checkpoint")).status).toBe(404);
    logs = [old!, next!];
    expect((await request(server).get("/2026/checkpoint")).text).toBe(NOTE);
    expect((await request(server).get("/2027/checkpoint")).text).toBe("the next\n");
    for (const path of ["/checkpoint", "/2028/checkpoint", "/2026/2027/checkpoint", "/2027/CHECKPOINT"]) {
      expect((await request(server).get(path)).status).toBe(404);
    }
  });

  it("serves the checkpoint as text that is never stored", async () => {
    const answer = await request(bare(rigOf())).get("/log/checkpoint");
    expect(answer.status).toBe(200);
    expect(answer.text).toBe(NOTE);
    expect(answer.headers["content-type"]).toBe("text/plain; charset=utf-8");
    expect(answer.headers["cache-control"]).toBe("no-store");
  });

  it.each([
    ["/log/tile/0/000", "application/octet-stream", "full"],
    ["/log/tile/1/x001/x234/067.p/17", "application/octet-stream", "partial"],
    ["/log/tile/data/003.p/200", "application/octet-stream", "entries"],
    [`/log/issuer/${FINGERPRINT}`, "application/pkix-cert", "der"],
    ["/log/tile/0/000?x=/../..", "application/octet-stream", "full"],
  ])("serves %s as %s that never changes", async (path, type, body) => {
    const answer = await request(bare(rigOf())).get(path).buffer(true).responseType("blob");
    expect(answer.status).toBe(200);
    expect(String(answer.body)).toBe(body);
    expect(answer.headers).toMatchObject({
      "content-type": type,
      "cache-control": IMMUTABLE,
      "access-control-allow-origin": "*",
      "x-content-type-options": "nosniff",
    });
    expect(answer.headers["content-encoding"]).toBeUndefined();
  });

  it("describes the log in log.v3.json, which may be kept for a minute", async () => {
    const answer = await request(bare(rigOf())).get("/log/log.v3.json");
    expect(answer.status).toBe(200);
    expect(answer.text).toBe(METADATA);
    expect(answer.headers).toMatchObject({
      "content-type": "application/json",
      "cache-control": "public, max-age=60",
      "access-control-allow-origin": "*",
    });
  });

  it("has data tiles compressed for who takes that, and nothing else", async () => {
    const entries = "an entry much like the others ".repeat(200);
    const log = reads({ "hash 0 0 256": entries, "data 3 256": entries, [`issuer ${FINGERPRINT}`]: entries });
    const server = bare(rigOf(log));
    const gzipped = await request(server).get("/log/tile/data/003").set("accept-encoding", "gzip");
    expect(gzipped.headers).toMatchObject({
      "content-encoding": "gzip",
      vary: "Accept-Encoding",
      "cache-control": IMMUTABLE,
    });
    expect(Number(gzipped.headers["content-length"])).toBeLessThan(entries.length / 4);
    expect(String(gzipped.body)).toBe(entries);
    const plain = await request(server).get("/log/tile/data/003").set("accept-encoding", "identity");
    expect(plain.headers["content-encoding"]).toBeUndefined();
    expect(plain.headers["content-length"]).toBe(String(entries.length));
    expect(plain.headers["etag"]).not.toBe(gzipped.headers["etag"]);
    for (const path of ["/log/checkpoint", "/log/tile/0/000", `/log/issuer/${FINGERPRINT}`, "/log/log.v3.json"]) {
      const answer = await request(server).get(path).set("accept-encoding", "gzip");
      expect({ path, coding: answer.headers["content-encoding"] }).toEqual({ path, coding: undefined });
    }
  });

  it.each([
    "/log/checkpoint",
    "/log/tile/0/000",
    "/log/tile/data/003.p/200",
    `/log/issuer/${FINGERPRINT}`,
    "/log/log.v3.json",
  ])("%s is 304 for who has it", async (path) => {
    const server = bare(rigOf());
    const first = await request(server).get(path);
    const etag = String(first.headers["etag"]);
    const again = await request(server).get(path).set("if-none-match", etag).buffer(true).responseType("blob");
    expect(again.status).toBe(304);
    expect(again.body).toHaveLength(0);
    expect(again.headers["etag"]).toBe(etag);
    expect(again.headers["cache-control"]).toBe(first.headers["cache-control"]);
    expect(again.headers["content-length"]).toBeUndefined();
    expect((await request(server).get(path).set("if-none-match", '"other"')).status).toBe(200);
  });

  it("a missing tile is 404 for who claims to have it", async () => {
    const answer = await request(bare(rigOf())).get("/log/tile/0/001").set("if-none-match", "*");
    expect(answer.status).toBe(404);
    expect(answer.headers["etag"]).toBeUndefined();
  });

  it("a new checkpoint is sent to who has the old one", async () => {
    let note = NOTE;
    const server = bare(rigOf({ ...LOG, checkpoint: () => Promise.resolve(Buffer.from(note)) }));
    const etag = String((await request(server).get("/log/checkpoint")).headers["etag"]);
    note += "\u2014 witness.example BBBB\n";
    const answer = await request(server).get("/log/checkpoint").set("if-none-match", etag);
    expect([answer.status, answer.text]).toEqual([200, note]);
  });

  it("holds 64 tiles in memory at most, until their readers have them", async () => {
    const gate = Promise.withResolvers<undefined>();
    const allBegun = Promise.withResolvers<undefined>();
    let begun = 0;
    const log: StaticCtView = {
      ...LOG,
      dataTile: async (index, width) => {
        if (++begun === 64) allBegun.resolve(undefined);
        await gate.promise;
        return LOG.dataTile(index, width);
      },
    };
    const clientAddress = makeClientAddress(["127.0.0.1"]);
    const rig = makeRig(undefined, { logs: filesOf(log), clientAddress });
    const server = bare(rig).listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/log`;
    let clients = 0;
    const read = () =>
      globalThis.fetch(`${url}/tile/data/003.p/200`, {
        headers: { "x-forwarded-for": `192.0.2.${String(clients++ % 8)}` },
      });
    const taken = Array.from({ length: 64 }, read);
    await allBegun.promise;
    const refused = await read();
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toMatch(/^[1-5]$/u);
    expect(await refused.json()).toMatchObject({ code: 14, details: [{ reason: "TOO_MANY_REQUESTS_IN_FLIGHT" }] });
    expect((await globalThis.fetch(`${url}/checkpoint`)).status).toBe(200);
    gate.resolve(undefined);
    const texts = await Promise.all(taken.map(async (answer) => (await answer).text()));
    expect(texts).toEqual(Array(64).fill("entries"));
    expect((await read()).status).toBe(200);
    server.close();
    server.closeAllConnections();
  });

  it("holds 16 tiles of one client at most, and serves others meanwhile", async () => {
    const gate = Promise.withResolvers<undefined>();
    const allBegun = Promise.withResolvers<undefined>();
    let begun = 0;
    const log: StaticCtView = {
      ...LOG,
      hashTile: async (...tile) => {
        if (++begun === 16) allBegun.resolve(undefined);
        if (begun <= 16) await gate.promise;
        return LOG.hashTile(...tile);
      },
    };
    const clientAddress = makeClientAddress(["127.0.0.1"]);
    const rig = makeRig(undefined, { logs: filesOf(log), clientAddress });
    const server = bare(rig).listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/log/tile/0/000`;
    const readAs = (client: string) => globalThis.fetch(url, { headers: { "x-forwarded-for": client } });
    const taken = Array.from({ length: 16 }, () => readAs("192.0.2.1"));
    await allBegun.promise;
    const refused = await readAs("192.0.2.1");
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toMatch(/^[1-5]$/u);
    expect(await refused.json()).toMatchObject({ code: 8, details: [{ reason: "RATE_LIMITED_READS" }] });
    expect((await readAs("192.0.2.2")).status).toBe(200);
    gate.resolve(undefined);
    expect(await Promise.all(taken.map(async (answer) => (await answer).text()))).toEqual(Array(16).fill("full"));
    expect((await readAs("192.0.2.1")).status).toBe(200);
    server.close();
    server.closeAllConnections();
  });

  it("cuts a reader that takes a tile by and by, and gives its place to the next", async () => {
    const log = reads({ "hash 0 0 256": "A".repeat(32 << 20), "data 3 200": "entries" });
    const tileLimits = { maxOpen: 1, maxOpenPerClient: 1, timeMs: 100 };
    const rig = makeRig(undefined, { logs: filesOf(log), tileLimits });
    const { server, open, exchange } = await startRaw(rig);
    const client = await open();
    const { socket } = client;
    // Never as long without a byte as the server waits for one.
    const trickle = setInterval(() => {
      socket.resume();
      setImmediate(() => socket.pause());
    }, 5);
    socket.pause();
    client.write("GET /log/tile/0/000 HTTP/1.1\r\nHost: a\r\n\r\n");
    await rig.recorded(1);
    clearInterval(trickle);
    socket.destroy();
    expect(rig.events).toMatchObject([{ route: "{log}/tile", status: 499 }]);
    const next = await exchange("GET /log/tile/data/003.p/200 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(statuses(next)).toEqual([200]);
    await server.close({ drainMs: 0 });
  });

  it("answers HEAD with the header of GET", async () => {
    const server = bare(rigOf());
    for (const path of ["/log/checkpoint", "/log/tile/0/000", `/log/issuer/${FINGERPRINT}`, "/log/log.v3.json"]) {
      const [head, get] = [await request(server).head(path), await request(server).get(path)];
      expect(head.status).toBe(200);
      expect(head.text).toBeUndefined();
      expect(head.headers["content-length"]).toBe(get.headers["content-length"]);
      expect(head.headers["cache-control"]).toBe(get.headers["cache-control"]);
      expect(head.headers["etag"]).toBe(get.headers["etag"]);
    }
  });

  it.each([
    "/log/tile/0/001",
    "/log/tile/0/000.p/17",
    "/log/tile/63/000",
    "/log/tile/data/004",
    "/log/tile/0/0",
    "/log/tile/00/000",
    "/log/tile/0/x000/000",
    "/log/tile/0/000.p/256",
    "/log/tile/0/000.p/0",
    "/log/tile/0/000.p/017",
    "/log/tile/64/000",
    "/log/tile/-1/000",
    "/log/tile/0/000/",
    "/log/tile/0//000",
    "/log/tile/0/../0/000",
    "/log/tile/0/%30%30%30",
    "/log/tile/names/000",
    "/log/tile/",
    `/log/issuer/${"f".repeat(64)}`,
  ])("%s is 404 that no cache may keep", async (path) => {
    const answer = await request(bare(rigOf())).get(path);
    expect(answer.status).toBe(404);
    expect(answer.body).toMatchObject({ code: 5, details: [{ reason: "NO_SUCH_TILE" }] });
    expect(answer.headers["cache-control"]).toBe("no-store");
    expect(answer.headers["content-type"]).toBe("application/json");
  });

  it.each([
    "/checkpoint",
    "/logs/checkpoint",
    "/log/checkpoint/",
    "/log/Checkpoint",
    "/x/log/checkpoint",
    "/log",
    "/log/tile",
    `/log/issuer/${FINGERPRINT.toUpperCase()}`,
    `/log/issuer/${FINGERPRINT.slice(1)}`,
    `/log/issuer/${FINGERPRINT}0`,
    "/log/issuer/",
  ])("%s is no path of the log", async (path) => {
    const answer = await request(bare(rigOf())).get(path);
    expect(answer.status).toBe(404);
    expect(answer.body).toMatchObject({ details: [{ reason: "NO_SUCH_PATH" }] });
  });

  it("is 503 with Retry-After while nothing is published", async () => {
    const unpublished = () => Promise.reject(new MayflyError("LOG_CLOSED", "nothing is published"));
    const answer = await request(bare(rigOf({ ...LOG, checkpoint: unpublished }))).get("/log/checkpoint");
    expect(answer.status).toBe(503);
    expect(answer.headers["retry-after"]).toMatch(/^[1-5]$/u);
    expect(answer.headers["cache-control"]).toBe("no-store");
  });

  it.each(["/log/checkpoint", "/log/tile/0/000", `/log/issuer/${FINGERPRINT}`])("POST %s is 501", async (path) => {
    const answer = await request(bare(rigOf())).post(path);
    expect(answer.status).toBe(501);
    expect(answer.headers["allow"]).toBe("GET, HEAD");
  });

  it.each([
    [new MayflyError("LOG_CORRUPT", "tile 0/0 is too short"), 500],
    [new MayflyError("LOG_CLOSED", "closed"), 503],
    [new Error("SQLITE_IOERR"), 500],
  ])("a read that fails with %s is %i that no cache may keep", async (error, status) => {
    const broken = { ...LOG, hashTile: () => Promise.reject(error) };
    const answer = await request(bare(rigOf(broken))).get("/log/tile/0/000");
    expect(answer.status).toBe(status);
    expect(answer.text).not.toMatch(/SQLITE|too short/u);
    expect(answer.headers["cache-control"]).toBe("no-store");
  });

  it("is at the root when the prefix is empty, and a prefix is no pattern", async () => {
    expect((await request(bare(rigOf(LOG, ""))).get("/checkpoint")).status).toBe(200);
    const dotted = bare(rigOf(LOG, "/2026.h1"));
    expect((await request(dotted).get("/2026.h1/checkpoint")).status).toBe(200);
    expect((await request(dotted).get("/2026xh1/checkpoint")).status).toBe(404);
  });

  it("shows one route per kind of read to telemetry, whatever the path", async () => {
    const rig = rigOf();
    const server = bare(rig);
    for (const path of ["/log/checkpoint", "/log/tile/0/000", "/log/tile/junk", `/log/issuer/${FINGERPRINT}`]) {
      await request(server).get(path);
    }
    await rig.recorded(4);
    expect(rig.events.map(({ route }) => route)).toEqual([
      "{log}/checkpoint",
      "{log}/tile",
      "{log}/tile",
      "{log}/issuer",
    ]);
  });
});
