import assert from "node:assert/strict";
import { createHash, createPublicKey, verify } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { LogManifest } from "../../src/ports/log-store.ts";

/** A log as its folder of files tells it. */
export interface StaticDirectory {
  readonly size: number;
  readonly root: string;
  readonly timestampMs: number;
  /** Bytes of each TileLeaf, in log order. */
  readonly entries: readonly Buffer[];
  /** Paths of the files that the checkpoint names. */
  readonly paths: readonly string[];
}

/** Whose log it must be. */
type Identity = Pick<LogManifest, "origin" | "logPublicKey" | "checkpointPublicKey">;

const sha256 = (...parts: readonly Uint8Array[]): Buffer => createHash("sha256").update(Buffer.concat(parts)).digest();

/**
 * Reads and verifies a whole static-ct-api folder with none of the code that wrote it: the signatures of the checkpoint,
 * every tile of every level that the checkpoint names, each entry against its leaf hash, each certificate that entries name.
 *
 * @throws AssertionError saying what is not as it must be
 */
export function readStaticDirectory(folder: string, identity: Identity): StaticDirectory {
  const checkpoint = readCheckpoint(readFileSync(join(folder, "checkpoint"), "utf8"), identity);
  const { size } = checkpoint;
  const paths: string[] = [];
  const read = (path: string): Buffer => {
    paths.push(path);
    assert.ok(existsSync(join(folder, path)), `the checkpoint of ${size} entries names ${path}, which is not there`);
    return readFileSync(join(folder, path));
  };
  const entries: Buffer[] = [];
  const issuers = new Set<string>();
  for (let index = 0; index * 256 < size; index++) {
    const file = read(pathOf("data", index, Math.min(256, size - index * 256)));
    const tile = splitDataTile(file[0] === 0x1f ? gunzipSync(file) : file);
    assert.equal(tile.length, Math.min(256, size - index * 256), `entries of data tile ${index}`);
    for (const { bytes, fingerprints } of tile) {
      entries.push(bytes);
      for (const fingerprint of fingerprints) issuers.add(fingerprint);
    }
  }
  for (const name of issuers) assert.equal(sha256(read(`issuer/${name}`)).toString("hex"), name, "issuer");
  let hashes = entries.map((entry) => sha256(Buffer.from([0, 0, 0]), timestampedEntryOf(entry).bytes));
  const root = rootOf(hashes).toString("base64");
  assert.equal(root, checkpoint.root, "the root of the entries is that of the checkpoint");
  for (let level = 0; hashes.length > 0; level++) {
    const above: Buffer[] = [];
    for (let start = 0; start < hashes.length; start += 256) {
      const expected = hashes.slice(start, start + 256);
      const path = pathOf(String(level), start / 256, expected.length);
      assert.deepEqual(read(path), Buffer.concat(expected), path);
      if (expected.length === 256) above.push(rootOf(expected));
    }
    hashes = above;
  }
  return { ...checkpoint, entries, paths };
}

/** C2SP tlog-tiles: groups of three digits, all but the last marked. */
function pathOf(level: string, index: number, width: number): string {
  const thousands = Math.floor(index / 1000);
  assert.ok(thousands < 1000, "this reader knows a million tiles");
  const last = String(index % 1000).padStart(3, "0");
  const number = thousands === 0 ? last : `x${String(thousands).padStart(3, "0")}/${last}`;
  return `tile/${level}/${number}${width === 256 ? "" : `.p/${width}`}`;
}

interface Checkpoint {
  readonly size: number;
  readonly root: string;
  readonly timestampMs: number;
}

function readCheckpoint(note: string, { origin, logPublicKey, checkpointPublicKey }: Identity): Checkpoint {
  const [text = "", lines = ""] = note.split(/(?<=\n)\n/u);
  const [name, size = "", root = "", ...rest] = text.split("\n");
  assert.deepEqual({ name, rest }, { name: origin, rest: [""] }, "checkpoint text");
  const signatures = lines.split("\n").filter((line) => line !== "");
  const byKeyId = new Map(
    signatures.map((line) => {
      const bytes = Buffer.from(line.split(" ")[2] ?? "", "base64");
      return [bytes.subarray(0, 4).toString("hex"), bytes.subarray(4)];
    }),
  );
  const keyId = (type: number, key: Uint8Array): string =>
    sha256(Buffer.from(`${origin}\n`), Buffer.from([type]), key)
      .subarray(0, 4)
      .toString("hex");
  const publicKey = (der: Uint8Array) => createPublicKey({ key: Buffer.from(der), format: "der", type: "spki" });
  const ed25519 = byKeyId.get(keyId(1, checkpointPublicKey.subarray(-32))) ?? Buffer.alloc(0);
  assert.ok(verify(null, Buffer.from(text), publicKey(checkpointPublicKey), ed25519), "Ed25519 signature");
  // u64 time, hash and signature algorithm, u16 length, signature.
  const treeHead = byKeyId.get(keyId(5, sha256(logPublicKey))) ?? Buffer.alloc(12);
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(BigInt(size));
  const signed = Buffer.concat([Buffer.from([0, 1]), treeHead.subarray(0, 8), number, Buffer.from(root, "base64")]);
  assert.ok(verify("sha256", signed, publicKey(logPublicKey), treeHead.subarray(12)), "tree head signature");
  return { size: Number(size), root, timestampMs: Number(treeHead.readBigUInt64BE(0)) };
}

/** RFC 6962 §3.4, from the time to the extensions; what a leaf hash is over, but for its first two bytes. */
function timestampedEntryOf(bytes: Buffer): { readonly bytes: Buffer; readonly isPrecertificate: boolean } {
  const isPrecertificate = bytes.readUInt16BE(8) === 1;
  const certificate = 10 + (isPrecertificate ? 32 : 0);
  const extensions = certificate + 3 + bytes.readUIntBE(certificate, 3);
  return { bytes: bytes.subarray(0, extensions + 2 + bytes.readUInt16BE(extensions)), isPrecertificate };
}

interface Entry {
  readonly bytes: Buffer;
  readonly fingerprints: readonly string[];
}

/** C2SP static-ct-api, TileLeaf by TileLeaf. */
function splitDataTile(tile: Buffer): Entry[] {
  const entries: Entry[] = [];
  let rest = tile;
  while (rest.length > 0) {
    const { bytes, isPrecertificate } = timestampedEntryOf(rest);
    let end = bytes.length;
    if (isPrecertificate) end += 3 + rest.readUIntBE(end, 3);
    const fingerprints = rest.subarray(end + 2, end + 2 + rest.readUInt16BE(end));
    end += 2 + fingerprints.length;
    entries.push({
      bytes: rest.subarray(0, end),
      fingerprints: fingerprints.toString("hex").match(/.{64}/gu) ?? [],
    });
    rest = rest.subarray(end);
  }
  return entries;
}

/** RFC 6962 §2.1. */
function rootOf(hashes: readonly Buffer[]): Buffer {
  const [only] = hashes;
  if (only === undefined) return sha256();
  if (hashes.length === 1) return only;
  const middle = 2 ** Math.ceil(Math.log2(hashes.length) - 1);
  return sha256(Buffer.from([1]), rootOf(hashes.slice(0, middle)), rootOf(hashes.slice(middle)));
}
