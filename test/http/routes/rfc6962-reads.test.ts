import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { createPublicKey, verify, X509Certificate } from "node:crypto";
import type { Precertificate } from "../../../src/core/issuance-types.ts";
import { naiveRoot } from "../../support/assert-log-consistent.ts";
import { sha256 } from "../../support/log-fixtures.ts";
import { growingBetweenReads, openServedLog, STORES } from "../../support/served-log.ts";
import type { ServedLog } from "../../support/served-log.ts";
import { requireIncluded } from "../../support/sigstore-merkle.ts";

jest.setTimeout(60_000);

const SIZE = 600;
const bytesOf = (base64: string): Buffer => Buffer.from(base64, "base64");
const leafHashOf = (leafInput: Uint8Array): Uint8Array => sha256(Buffer.concat([Uint8Array.of(0), leafInput]));
const nodeHashOf = (left: Uint8Array, right: Uint8Array): Uint8Array =>
  sha256(Buffer.concat([Uint8Array.of(1), left, right]));

/** PROOF(m, D[n]) as RFC 6962 §2.1.2 writes it down. */
function naiveConsistency(first: number, leaves: readonly Uint8Array[], isWhole = true): Uint8Array[] {
  if (first === leaves.length) return isWhole ? [] : [naiveRoot(leaves)];
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return first <= k
    ? [...naiveConsistency(first, leaves.slice(0, k), isWhole), naiveRoot(leaves.slice(k))]
    : [...naiveConsistency(first - k, leaves.slice(k), false), naiveRoot(leaves.slice(0, k))];
}

/** Reads a vector of certificates behind its length in three bytes. */
function readVector(bytes: Buffer): { readonly content: Buffer; readonly rest: Buffer } {
  const length = bytes.readUIntBE(0, 3);
  return { content: bytes.subarray(3, 3 + length), rest: bytes.subarray(3 + length) };
}

function certificatesOf(vector: Buffer): Buffer[] {
  const { content, rest } = readVector(vector);
  expect(rest).toHaveLength(0);
  const certificates: Buffer[] = [];
  for (let left = content; left.length > 0;) {
    const read = readVector(left);
    certificates.push(read.content);
    left = read.rest;
  }
  return certificates;
}

interface Entry {
  readonly leaf_input: string;
  readonly extra_data: string;
}

const HASH = Buffer.alloc(32, 7).toString("base64");
const DECIMALS = [
  "",
  "-1",
  "+1",
  "1.5",
  "1e2",
  "0x1",
  "01",
  "00",
  "%201",
  "1%20",
  "1,2",
  "NaN",
  "Infinity",
  "9007199254740992",
  "18446744073709551616",
  "99999999999999999999999",
  "%D9%A1",
];

describe.each(STORES)("RFC 6962 reads of a log in %s", (store) => {
  let log: ServedLog;
  let precertificates: readonly Precertificate[];
  let entries: readonly Entry[];
  let leaves: readonly Uint8Array[];

  const json = async (path: string): Promise<unknown> => {
    const answer = await log.get(`/ct/v1/${path}`);
    expect({ path, status: answer.status, type: answer.headers.get("content-type") }).toEqual({
      path,
      status: 200,
      type: "application/json",
    });
    return answer.json();
  };
  const judgeInclusion = (at: { index: number; treeSize: number; path: readonly string[] }): void => {
    requireIncluded({
      leafInput: bytesOf(entries[at.index]!.leaf_input),
      leafIndex: at.index,
      auditPath: at.path.map(bytesOf),
      treeSize: at.treeSize,
      root: Buffer.from(naiveRoot(leaves.slice(0, at.treeSize))),
    });
  };

  beforeAll(async () => {
    log = await openServedLog({ store });
    precertificates = [...(await log.add(1)), ...(await log.add(255)), ...(await log.add(SIZE - 256))];
    const read: Entry[] = [];
    while (read.length < SIZE) {
      const body = await json(`get-entries?start=${String(read.length)}&end=${String(SIZE - 1)}`);
      read.push(...(body as { entries: Entry[] }).entries);
    }
    entries = read;
    leaves = entries.map(({ leaf_input }) => leafHashOf(bytesOf(leaf_input)));
  });

  afterAll(async () => {
    await log[Symbol.asyncDispose]();
  });

  it("get-sth is the published tree head, signed over the RFC's bytes by the log's key", async () => {
    const answer = await log.get("/ct/v1/get-sth");
    const { tree_size, timestamp, sha256_root_hash, tree_head_signature } = (await answer.json()) as {
      readonly tree_size: number;
      readonly timestamp: number;
      readonly sha256_root_hash: string;
      readonly tree_head_signature: string;
    };
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(tree_size).toBe(SIZE);
    expect(sha256_root_hash).toBe(Buffer.from(naiveRoot(leaves)).toString("base64"));
    const signed = Buffer.alloc(50);
    signed[1] = 1;
    signed.writeBigUInt64BE(BigInt(timestamp), 2);
    signed.writeBigUInt64BE(BigInt(tree_size), 10);
    bytesOf(sha256_root_hash).copy(signed, 18);
    const signature = bytesOf(tree_head_signature);
    expect(signature.subarray(0, 2).toString("hex")).toBe("0403");
    expect(signature.readUInt16BE(2)).toBe(signature.length - 4);
    const key = createPublicKey({ key: Buffer.from(log.manifest.logPublicKey), format: "der", type: "spki" });
    expect(verify("sha256", signed, key, signature.subarray(4))).toBe(true);
  });

  it("get-entries has each precertificate with its chain up to the root", () => {
    for (const [at, { leaf_input, extra_data }] of entries.entries()) {
      const leafInput = bytesOf(leaf_input);
      // Version and leaf type, time, precert_entry, issuer key hash.
      expect(leafInput.subarray(0, 2).toString("hex")).toBe("0000");
      expect(leafInput.readUInt16BE(10)).toBe(1);
      const { content: tbs, rest: extensions } = readVector(leafInput.subarray(44));
      expect(tbs[0]).toBe(0x30);
      expect(extensions.toString("hex")).toBe(`0008000005${at.toString(16).padStart(10, "0")}`);
      const { content: precertificate, rest: chain } = readVector(bytesOf(extra_data));
      expect(precertificate.equals(precertificates[at]!.der)).toBe(true);
      const [issuing, root, ...more] = certificatesOf(chain);
      expect([issuing, root]).toEqual(log.chain.map((each) => Buffer.from(each)));
      expect(more).toEqual([]);
    }
    const last = new X509Certificate(readVector(bytesOf(entries.at(-1)!.extra_data)).content);
    const [issuing, root] = log.chain.map((each) => new X509Certificate(each));
    expect(last.verify(issuing!.publicKey)).toBe(true);
    expect(issuing!.verify(root!.publicKey)).toBe(true);
  });

  it.each([
    ["0", "0", 1, true],
    ["0", "255", 256, true],
    ["0", "599", 256, true],
    ["0", "9007199254740991", 256, true],
    ["200", "599", 56, true],
    ["255", "256", 1, true],
    ["256", "511", 256, true],
    ["512", "599", 88, true],
    ["512", "600", 88, false],
    ["512", "5000", 88, false],
    ["599", "599", 1, true],
  ])("get-entries from %s to %s gives %i, which are all there will ever be: %p", async (start, end, count, isFinal) => {
    const answer = await log.get(`/ct/v1/get-entries?start=${start}&end=${end}`);
    const body = (await answer.json()) as { entries: Entry[] };
    expect(body.entries).toEqual(entries.slice(Number(start), Number(start) + count));
    expect(answer.headers.get("cache-control")).toBe(
      isFinal ? "public, max-age=86400, immutable" : "public, max-age=10",
    );
  });

  it("get-proof-by-hash proves entries in trees of any size, before a foreign verifier", async () => {
    for (const [index, treeSize] of [
      [0, 1],
      [0, SIZE],
      [5, 6],
      [255, 256],
      [255, 257],
      [256, 600],
      [511, 512],
      [599, 600],
      [300, 513],
    ] as const) {
      const hash = encodeURIComponent(Buffer.from(leaves[index]!).toString("base64"));
      const answer = await log.get(`/ct/v1/get-proof-by-hash?hash=${hash}&tree_size=${String(treeSize)}`);
      expect(answer.headers.get("cache-control")).toBe("public, max-age=86400, immutable");
      const { leaf_index, audit_path } = (await answer.json()) as { leaf_index: number; audit_path: string[] };
      expect(leaf_index).toBe(index);
      judgeInclusion({ index, treeSize, path: audit_path });
    }
  });

  it("get-entry-and-proof gives entry and proof in trees of any size", async () => {
    for (const [index, treeSize] of [
      [0, 1],
      [17, SIZE],
      [255, 256],
      [256, 257],
      [511, 599],
    ] as const) {
      const body = await json(`get-entry-and-proof?leaf_index=${String(index)}&tree_size=${String(treeSize)}`);
      const { audit_path, ...entry } = body as Entry & { audit_path: string[] };
      expect(entry).toEqual(entries[index]);
      judgeInclusion({ index, treeSize, path: audit_path });
    }
  });

  it("get-sth-consistency is the proof that the RFC defines, and no hash where there is nothing to prove", async () => {
    for (const [first, second] of [
      [1, 2],
      [1, SIZE],
      [255, 256],
      [256, 512],
      [256, 600],
      [511, 600],
      [300, 301],
    ] as const) {
      const body = await json(`get-sth-consistency?first=${String(first)}&second=${String(second)}`);
      const proof = naiveConsistency(first, leaves.slice(0, second));
      expect(body).toEqual({ consistency: proof.map((each) => Buffer.from(each).toString("base64")) });
    }
    for (const pair of ["first=0&second=0", "first=0&second=600", "first=7&second=7", "first=600&second=600"]) {
      expect(await json(`get-sth-consistency?${pair}`)).toEqual({ consistency: [] });
    }
    expect(nodeHashOf(leaves[0]!, leaves[1]!)).toEqual(naiveRoot(leaves.slice(0, 2)));
  });

  it("proofs of a tree with one leaf are empty lists", async () => {
    expect(await json("get-entry-and-proof?leaf_index=0&tree_size=1")).toEqual({ ...entries[0], audit_path: [] });
    const hash = encodeURIComponent(Buffer.from(leaves[0]!).toString("base64"));
    expect(await json(`get-proof-by-hash?hash=${hash}&tree_size=1`)).toEqual({ leaf_index: 0, audit_path: [] });
  });

  it("get-roots has the root that every chain ends with, once", async () => {
    expect(await json("get-roots")).toEqual({ certificates: [Buffer.from(log.chain.at(-1)!).toString("base64")] });
  });

  it.each([
    "get-entries?start=600&end=600",
    "get-entries?start=9007199254740991&end=9007199254740991",
    "get-sth-consistency?first=1&second=601",
    "get-sth-consistency?first=601&second=601",
    "get-sth-consistency?first=0&second=601",
    "get-entry-and-proof?leaf_index=0&tree_size=601",
    "get-entry-and-proof?leaf_index=600&tree_size=601",
  ])("%s is beyond the published log, which is 400 that no cache may keep", async (path) => {
    const answer = await log.get(`/ct/v1/${path}`);
    expect(answer.status).toBe(400);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(await answer.json()).toMatchObject({ code: 3, details: [{ reason: "NOT_PUBLISHED" }] });
  });

  it("get-proof-by-hash is 404 for an unknown leaf, one that is not yet in the tree, and a tree that is not there", async () => {
    const known = encodeURIComponent(Buffer.from(leaves[300]!).toString("base64"));
    for (const query of [`hash=${HASH}&tree_size=600`, `hash=${known}&tree_size=300`, `hash=${known}&tree_size=601`]) {
      const answer = await log.get(`/ct/v1/get-proof-by-hash?${query}`);
      expect(answer.status).toBe(404);
      expect(answer.headers.get("cache-control")).toBe("no-store");
      expect(await answer.json()).toMatchObject({ code: 5, details: [{ reason: "NO_SUCH_ENTRY" }] });
    }
  });

  it("ignores parameters that an endpoint does not have", async () => {
    expect(await json("get-entries?start=0&end=0&cache=no&cache=yes")).toEqual({ entries: entries.slice(0, 1) });
    expect((await log.get("/ct/v1/get-sth?tree_size=-1")).status).toBe(200);
  });

  it.each([
    "get-sth",
    "get-roots",
    "get-entries?start=0&end=300",
    "get-sth-consistency?first=1&second=2",
    "get-entry-and-proof?leaf_index=0&tree_size=9",
  ])("HEAD of %s has the header of GET", async (path) => {
    const get = await log.get(`/ct/v1/${path}`);
    const head = await globalThis.fetch(`${log.url}/ct/v1/${path}`, {
      method: "HEAD",
      headers: { "accept-encoding": "identity" },
    });
    const body = await get.arrayBuffer();
    expect(head.status).toBe(200);
    expect(await head.text()).toBe("");
    for (const name of ["content-type", "cache-control", "etag", "access-control-allow-origin"]) {
      expect({ name, value: head.headers.get(name) }).toEqual({ name, value: get.headers.get(name) });
    }
    expect(head.headers.get("content-length")).toBe(String(body.byteLength));
    expect(head.headers.get("access-control-allow-origin")).toBe("*");
  });

  it.each(["add-chain", "add-pre-chain"])("[P16] POST %s is no path: only the CA writes", async (name) => {
    const answer = await globalThis.fetch(`${log.url}/ct/v1/${name}`, { method: "POST", body: '{"chain":[]}' });
    expect(answer.status).toBe(404);
    expect((await log.store.head()).size).toBe(SIZE);
  });

  it.each(["get-sth", "get-entries?start=0&end=0"])("POST %s is refused", async (path) => {
    const answer = await globalThis.fetch(`${log.url}/ct/v1/${path}`, { method: "POST" });
    expect(answer.status).toBe(501);
    expect(answer.headers.get("allow")).toBe("GET, HEAD");
  });
});

describe.each(STORES)("a log in %s that grows while it is read", (store) => {
  it("answers each question from the one state that was published when it was asked", async () => {
    let grow: () => Promise<unknown> = () => Promise.resolve();
    let size = 100;
    await using log = await openServedLog({ store, wrapForReaders: (it) => growingBetweenReads(it, () => grow()) });
    await log.add(size);
    grow = async () => {
      await log.add(1);
      size++;
    };
    const ask = async (path: (size: number) => string) => {
      const before = size;
      const answer = await log.get(path(before));
      return { before, status: answer.status, body: Buffer.from(await answer.arrayBuffer()) };
    };
    for (let round = 0; round < 3; round++) {
      const range = await ask(() => "/ct/v1/get-entries?start=0&end=255");
      const { entries } = JSON.parse(range.body.toString()) as { readonly entries: readonly Entry[] };
      expect(entries).toHaveLength(range.before);
      expect(size).toBeGreaterThan(range.before);

      const tile = await ask((width) => `/tile/0/000.p/${String(width)}`);
      expect(tile.body).toHaveLength(tile.before * 32);
      const leaves = Array.from({ length: tile.before }, (_, at) => tile.body.subarray(at * 32, (at + 1) * 32));
      expect(leaves.slice(0, range.before)).toEqual(
        entries.map(({ leaf_input }) => Buffer.from(leafHashOf(bytesOf(leaf_input)))),
      );

      const proof = await ask(() => `/ct/v1/get-entry-and-proof?leaf_index=7&tree_size=${String(tile.before)}`);
      const { leaf_input, audit_path } = JSON.parse(proof.body.toString()) as {
        readonly leaf_input: string;
        readonly audit_path: readonly string[];
      };
      requireIncluded({
        leafInput: bytesOf(leaf_input),
        leafIndex: 7,
        auditPath: audit_path.map(bytesOf),
        treeSize: tile.before,
        root: Buffer.from(naiveRoot(leaves)),
      });

      for (const beyond of [
        (published: number) => `/tile/0/000.p/${String(published + 1)}`,
        (published: number) => `/tile/data/000.p/${String(published + 1)}`,
        (published: number) => `/ct/v1/get-entries?start=${String(published)}&end=${String(published)}`,
        (published: number) => `/ct/v1/get-entry-and-proof?leaf_index=0&tree_size=${String(published + 1)}`,
        (published: number) => `/ct/v1/get-sth-consistency?first=1&second=${String(published + 1)}`,
      ]) {
        expect((await ask(beyond)).status).toBeGreaterThanOrEqual(400);
      }
    }
  });
});

describe("the parameters of RFC 6962 reads", () => {
  let log: ServedLog;

  beforeAll(async () => {
    log = await openServedLog({ store: "memory" });
    await log.add(10);
  });

  afterAll(async () => {
    await log[Symbol.asyncDispose]();
  });

  it.each([
    ...[
      "get-entries",
      "get-entries?start=0",
      "get-entries?end=0",
      "get-entries?start=0&start=0&end=1",
      "get-entries?start=0&end=1&end=2",
      "get-entries?START=0&END=1",
      "get-entries?start=1&end=0",
    ],
    ...DECIMALS.flatMap((text) => [`get-entries?start=${text}&end=9`, `get-entries?start=0&end=${text}`]),
    ...[
      "get-sth-consistency",
      "get-sth-consistency?first=1",
      "get-sth-consistency?second=1",
      "get-sth-consistency?first=1&second=2&second=2",
      "get-sth-consistency?first=3&second=2",
    ],
    ...DECIMALS.flatMap((text) => [
      `get-sth-consistency?first=${text}&second=9`,
      `get-sth-consistency?first=0&second=${text}`,
    ]),
    ...[
      "get-entry-and-proof",
      "get-entry-and-proof?leaf_index=0",
      "get-entry-and-proof?tree_size=1",
      "get-entry-and-proof?leaf_index=0&tree_size=0",
      "get-entry-and-proof?leaf_index=1&tree_size=1",
      "get-entry-and-proof?leaf_index=0&leaf_index=0&tree_size=1",
    ],
    ...DECIMALS.flatMap((text) => [
      `get-entry-and-proof?leaf_index=${text}&tree_size=9`,
      `get-entry-and-proof?leaf_index=0&tree_size=${text}`,
    ]),
    ...[
      "get-proof-by-hash",
      "get-proof-by-hash?tree_size=1",
      `get-proof-by-hash?hash=${HASH}`,
      `get-proof-by-hash?hash=${HASH}&tree_size=0`,
      `get-proof-by-hash?hash=${HASH}&hash=${HASH}&tree_size=1`,
    ],
    ...DECIMALS.map((text) => `get-proof-by-hash?hash=${HASH}&tree_size=${text}`),
    ...[
      "",
      "%",
      HASH.slice(1),
      HASH.replace("=", ""),
      `${HASH}=`,
      `%20${HASH}`,
      `${HASH}%0A`,
      HASH.replace("c=", "d="),
      Buffer.alloc(32, 255).toString("base64url"),
      `+${HASH.slice(1)}`,
      Buffer.alloc(31).toString("base64"),
      Buffer.alloc(33).toString("base64"),
      Buffer.alloc(64).toString("base64"),
      Buffer.alloc(32).toString("hex"),
    ].map((hash) => `get-proof-by-hash?hash=${hash}&tree_size=1`),
  ])("%s is 400", async (path) => {
    const answer = await log.get(`/ct/v1/${path}`);
    expect(answer.status).toBe(400);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(await answer.json()).toMatchObject({ code: 3, details: [{ reason: "PARAMETER_INVALID" }] });
  });
});
