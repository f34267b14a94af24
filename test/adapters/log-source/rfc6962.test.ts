import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { BoundedIssuers } from "../../../src/adapters/log-source/bounded-issuers.ts";
import { openRfc6962Source } from "../../../src/adapters/log-source/rfc6962.ts";
import { parseLogKey } from "../../../src/core/ct/log-key.ts";
import { signedTreeHeadOfNote } from "../../../src/core/ct/signed-tree-head.ts";
import { MayflyError } from "../../../src/core/errors.ts";
import { parseSignedNote } from "../../../src/core/note/signed-note.ts";
import type { LogSource } from "../../../src/ports/log-source.ts";
import { sha256 } from "../../support/log-fixtures.ts";
import {
  pageEntryOf,
  serveRfc6962,
  treeHeadAnswerOf,
  vec24,
  type Rfc6962Server,
} from "../../support/rfc6962-server.ts";
import { makeTiledLog } from "../../support/tiled-log.ts";
import { fromBase64, fromHex, readVector, toHex } from "../../support/vectors.ts";

const SIZE = 250;
const log = makeTiledLog(SIZE);
const { logId } = log.logKey;
let server: Rfc6962Server;

beforeAll(async () => {
  server = await serveRfc6962(log);
});
beforeEach(() => {
  server.asked.length = 0;
  server.replace = () => undefined;
});
afterAll(() => server.close());

/** Answers every request with this. */
function replaceBy(answer: unknown): void {
  server.replace = () => answer;
}

const open = (origin = log.origin): LogSource => openRfc6962Source(server.url, { logId, origin });

async function failureOf(reading: Promise<unknown>): Promise<MayflyError> {
  try {
    await reading;
  } catch (error) {
    if (error instanceof MayflyError) return error;
    throw error;
  }
  throw new Error("it was read");
}

describe("an RFC 6962 log", () => {
  it("gives its tree head as a checkpoint that its key signed", async () => {
    const note = parseSignedNote(await open().checkpoint());
    const head = signedTreeHeadOfNote(note, { origin: log.origin, key: log.logKey });
    expect(head).toMatchObject({ size: SIZE, timestampMs: 1_767_225_600_000 });
    expect(toHex(head.root)).toBe(toHex(log.root));
  });

  it("is called after its URL unless it is said how", async () => {
    const note = parseSignedNote(await openRfc6962Source(`${server.url}/`, { logId }).checkpoint());
    expect(note.text.split("\n")[0]).toBe(server.url.replace("http://", ""));
  });

  it("is DigiCert's Yeti2018 with its own tree head", async () => {
    const { signedTreeHead } = readVector("valid/sunlight-checkpoint.json") as {
      signedTreeHead: Record<string, string | number>;
    };
    const key = parseLogKey(fromBase64(String(signedTreeHead["logPublicKey"])));
    expect(toHex(key.logId)).toBe(signedTreeHead["logId"]);
    replaceBy(signedTreeHead);
    const origin = String(signedTreeHead["origin"]);
    const source = openRfc6962Source(server.url, { logId: fromHex(String(signedTreeHead["logId"])), origin });
    const head = signedTreeHeadOfNote(parseSignedNote(await source.checkpoint()), { origin, key });
    expect(head.size).toBe(90_785_920);
  });

  it("gives its entries as a static log has them, page by page as it grants them, and their issuers", async () => {
    const source = open();
    const entries: Uint8Array[] = [];
    while (entries.length < SIZE) entries.push(...(await source.entries(entries.length, SIZE, SIZE)));
    expect(entries.map(toHex)).toEqual(log.entries.map(({ stored }) => toHex(stored)));
    expect(server.asked).toEqual([
      "/log/ct/v1/get-entries?start=0&end=249",
      "/log/ct/v1/get-entries?start=100&end=249",
      "/log/ct/v1/get-entries?start=200&end=249",
    ]);
    for (const der of log.issuers) expect(toHex((await source.issuer(sha256(der)))!)).toBe(toHex(der));
    expect(await source.issuer(sha256(Buffer.from("nobody")))).toBeUndefined();
  });

  it("has no tiles, and is asked for no more than 1,024 entries at once", async () => {
    const source = open();
    expect(await source.tile(0, 0, 256)).toBeUndefined();
    await failureOf(source.entries(1_000_000, 2_000_000, 2_000_000));
    expect(server.asked).toEqual(["/log/ct/v1/get-entries?start=1000000&end=1001023"]);
  });

  const head = treeHeadAnswerOf(log);
  it.each<[string, unknown]>([
    ["no JSON", "tree_size: 5"],
    ["no object", []],
    ["JSON that is nested", { ...head, more: [[[]]] }],
    ["a member twice", `{"tree_size":1,"tree_size":2}`],
    ["no size", { ...head, tree_size: undefined }],
    ["a size that is text", { ...head, tree_size: "250" }],
    ["a size below zero", { ...head, tree_size: -1 }],
    ["a size of a fraction", { ...head, tree_size: 1.5 }],
    ["a size beyond 2^53", JSON.stringify(head).replace('"tree_size":250', '"tree_size":9007199254740993')],
    ["a time with an exponent", JSON.stringify(head).replace(/"timestamp":\d+/u, '"timestamp":1e3')],
    ["a root of 31 bytes", { ...head, sha256_root_hash: Buffer.alloc(31).toString("base64") }],
    ["a root in the URL alphabet", { ...head, sha256_root_hash: Buffer.alloc(32, 0xff).toString("base64url") }],
    ["a signature of RSA", { ...head, tree_head_signature: "BAEAAA==" }],
    ["a signature that is cut", { ...head, tree_head_signature: "BAMARg==" }],
    ["1 MB of white space", " ".repeat(1_000_001)],
  ])("is refused with a tree head of %s", async (_, answer) => {
    replaceBy(answer);
    const failure = await failureOf(open().checkpoint());
    expect(failure).toMatchObject({ code: "log_failed", reason: "SOURCE_INVALID" });
    expect(failure.message).toContain(`${server.url}/ct/v1/get-sth`);
  });

  const entry = pageEntryOf(log, 0);
  const x509 = pageEntryOf(log, 2);
  const edit = (member: "leaf_input" | "extra_data", change: (bytes: Buffer) => Uint8Array, of = entry): unknown => ({
    entries: [{ ...of, [member]: Buffer.from(change(Buffer.from(of[member], "base64"))).toString("base64") }],
  });
  const cut = (bytes: Buffer): Buffer => bytes.subarray(0, -1);
  const continued = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(1)]);
  const without = (count: number) => (bytes: Buffer) => bytes.subarray(count);
  const withByte = (at: number, value: number) => (bytes: Buffer) => {
    bytes[at] = value;
    return bytes;
  };
  it.each<[string, unknown]>([
    ["no entries", { entries: [] }],
    ["entries that are no array", { entries: {} }],
    ["an entry that is no object", { entries: ["entry"] }],
    ["an entry without extra_data", { entries: [{ leaf_input: entry.leaf_input }] }],
    ["more entries than were asked for", { entries: Array.from({ length: 6 }, () => entry) }],
    ["20,000 entries of nothing", { entries: Array.from({ length: 20_000 }, () => 0) }],
    ["leaf_input in white space", { entries: [{ ...entry, leaf_input: ` ${entry.leaf_input}` }] }],
    ["leaf_input that is cut", edit("leaf_input", cut)],
    ["leaf_input that goes on", edit("leaf_input", continued)],
    ["leaf_input of another version", edit("leaf_input", withByte(0, 1))],
    ["leaf_input of another leaf type", edit("leaf_input", withByte(1, 1))],
    ["an entry type that does not exist", edit("leaf_input", withByte(11, 7))],
    ["a time beyond 2^53", edit("leaf_input", withByte(2, 1))],
    ["extra_data that is cut", edit("extra_data", cut)],
    ["extra_data that goes on", edit("extra_data", continued)],
    ["extra_data without its precertificate", edit("extra_data", without(3 + "precertificate 0".length))],
    ["extra_data of a precertificate beside a certificate", { entries: [{ ...x509, extra_data: entry.extra_data }] }],
    ["an empty certificate in a chain", edit("extra_data", () => vec24(vec24(Buffer.alloc(0))), x509)],
    ["a chain of 70 KB", edit("extra_data", () => vec24(Buffer.concat(manyCertificates(2100))), x509)],
  ])("is refused with %s", async (_, answer) => {
    replaceBy(answer);
    const failure = await failureOf(open().entries(0, 5, SIZE));
    expect(failure).toMatchObject({ code: "log_failed", reason: "SOURCE_INVALID" });
    expect(failure.message).toContain(`${server.url}/ct/v1/get-entries?start=0&end=4`);
  });

  it("is not opened without a name that a key can have", () => {
    expect(() => openRfc6962Source("https://log.test/a+b", { logId })).toThrow(
      expect.objectContaining({ reason: "SOURCE_INVALID" }),
    );
  });
});

function manyCertificates(count: number): Buffer[] {
  return Array.from({ length: count }, () => vec24(Buffer.from("certificate")));
}

describe("the issuers that are kept", () => {
  const der = (letter: string): Uint8Array => new Uint8Array(Buffer.alloc(100, letter));

  it("take no more room than they may, and those that were not used for longest go first", () => {
    const issuers = new BoundedIssuers(300);
    const [a, b, c] = ["a", "b", "c"].map((letter) => issuers.add(der(letter))) as [Uint8Array, Uint8Array, Uint8Array];
    expect(toHex(issuers.get(a)!)).toBe(toHex(der("a")));
    const d = issuers.add(der("d"));
    expect(issuers.get(b)).toBeUndefined();
    for (const fingerprint of [a, c, d]) expect(issuers.get(fingerprint)).toBeDefined();
    // What comes again takes no more room.
    issuers.add(der("a"));
    for (const fingerprint of [a, c, d]) expect(issuers.get(fingerprint)).toBeDefined();
  });

  it("keep the last one even when it is too large", () => {
    const issuers = new BoundedIssuers(10);
    const first = issuers.add(der("a"));
    const second = issuers.add(der("b"));
    expect(issuers.get(first)).toBeUndefined();
    expect(issuers.get(second)).toBeDefined();
  });
});
