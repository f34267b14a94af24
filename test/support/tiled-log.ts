import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { encodeCtExtensions } from "../../src/core/ct/ct-extensions.ts";
import { parseLogKey, type LogKey } from "../../src/core/ct/log-key.ts";
import { noteOfSignedTreeHead, treeHeadSigningInput } from "../../src/core/ct/signed-tree-head.ts";
import { encodeEntry, type EncodedEntry } from "../../src/core/ct/static-entry.ts";
import { TILE_WIDTH, tilePath, tileWidthAt } from "../../src/core/merkle/tile.ts";
import { HASH_LENGTH, leafHash, merkleTreeHash } from "../../src/core/merkle/tree.ts";
import { formatSignedNote, type SignedNote } from "../../src/core/note/signed-note.ts";
import {
  ed25519KeyOfSpki,
  encodeVerifierKey,
  noteKeyId,
  SIGNATURE_TYPE,
  type VerifierKey,
} from "../../src/core/note/verifier-key.ts";
import { CREATED_MS, sha256 } from "./log-fixtures.ts";

/** The keys of a log, made anew. */
export interface TiledLogKeys {
  readonly logKey: LogKey;
  readonly logSpki: Uint8Array;
  readonly checkpointKey: VerifierKey;
  readonly vkey: string;
  /** A checkpoint's signed note by both keys. */
  signNote(tree: { readonly size: number; readonly root: Uint8Array; readonly timestampMs: number }): string;
  /** DER signature by the log's key. */
  sign(bytes: Uint8Array): Uint8Array;
}

export function makeTiledLogKeys(origin: string): TiledLogKeys {
  const log = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const checkpoint = generateKeyPairSync("ed25519");
  const logSpki = spkiOf(log.publicKey);
  const logKey = parseLogKey(logSpki);
  const publicKey = ed25519KeyOfSpki(spkiOf(checkpoint.publicKey));
  const checkpointKey: VerifierKey = { name: origin, type: SIGNATURE_TYPE.ed25519, publicKey };
  return {
    logKey,
    logSpki,
    checkpointKey,
    vkey: encodeVerifierKey(checkpointKey),
    sign: (bytes) => sign("sha256", bytes, log.privateKey),
    signNote: (tree) => {
      const signature = sign("sha256", treeHeadSigningInput(tree), log.privateKey);
      const { text, signatures } = noteOfSignedTreeHead({ ...tree, signature }, origin, logKey.logId);
      const second: SignedNote["signatures"][number] = {
        name: origin,
        keyId: noteKeyId(origin, SIGNATURE_TYPE.ed25519, publicKey),
        signature: sign(null, Buffer.from(text), checkpoint.privateKey),
      };
      return formatSignedNote({ text, signatures: [...signatures, second] });
    },
  };
}

function spkiOf(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ type: "spki", format: "der" }));
}

/** A log as files (C2SP static-ct-api), put together from its whole list of entries at once. */
export interface TiledLog extends TiledLogKeys {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  readonly entries: readonly EncodedEntry[];
  readonly leafHashes: readonly Uint8Array[];
  readonly issuers: readonly Uint8Array[];
  /** By path below the log's prefix. */
  readonly files: Map<string, Uint8Array>;
}

export const TILED_ORIGIN = "log.test/tiled";

/** Certificates that nobody can parse; the files of a log do not care. */
const ISSUERS = ["intermediate", "root"].map((name) => new Uint8Array(Buffer.from(`certificate of the ${name}`)));

/** @param entries by default so many that no two are alike, every third a final certificate */
export function makeTiledLog(
  size: number,
  keys: TiledLogKeys = makeTiledLogKeys(TILED_ORIGIN),
  entries: readonly EncodedEntry[] = Array.from({ length: size }, (_, at) => makeTiledEntry(at)),
): TiledLog {
  const leafHashes = entries.map(({ leafInput }) => leafHash(leafInput));
  const root = merkleTreeHash(leafHashes);
  const files = new Map<string, Uint8Array>();
  files.set("checkpoint", Buffer.from(keys.signNote({ size, root, timestampMs: CREATED_MS + size })));
  for (let level = 0; TILE_WIDTH ** level <= size; level++) addLevel(files, leafHashes, level);
  for (let index = 0; index * TILE_WIDTH < size; index++) {
    const stored = entries.slice(index * TILE_WIDTH, (index + 1) * TILE_WIDTH).map((entry) => entry.stored);
    files.set(tilePath({ kind: "data", index, width: stored.length }), Buffer.concat(stored));
  }
  for (const der of ISSUERS) files.set(`issuer/${Buffer.from(sha256(der)).toString("hex")}`, der);
  return { ...keys, origin: TILED_ORIGIN, size, root, entries, leafHashes, issuers: ISSUERS, files };
}

function addLevel(files: Map<string, Uint8Array>, leafHashes: readonly Uint8Array[], level: number): void {
  const span = TILE_WIDTH ** level;
  for (let index = 0; ; index++) {
    const width = tileWidthAt(level, index, leafHashes.length);
    if (width === 0) return;
    const hashes = Array.from({ length: width }, (_, at) => {
      const start = (index * TILE_WIDTH + at) * span;
      return merkleTreeHash(leafHashes, { start, end: start + span });
    });
    files.set(tilePath({ kind: "hash", level, index, width }), Buffer.concat(hashes, width * HASH_LENGTH));
  }
}

/** One entry of bytes that only look like certificates, with both issuers as its chain. */
export function makeTiledEntry(index: number): EncodedEntry {
  const bytes = (what: string): Uint8Array => new Uint8Array(Buffer.from(`${what} ${index}`));
  const certificateChain = ISSUERS.map(sha256);
  const at = { timestampMs: CREATED_MS + index, extensions: encodeCtExtensions(index) };
  if (index % 3 === 2) {
    const signedEntry = { kind: "x509_entry", certificate: bytes("certificate") } as const;
    return encodeEntry({ timestampedEntry: { ...at, signedEntry }, certificateChain });
  }
  const issuerKeyHash = sha256(Buffer.from("key of the intermediate"));
  const signedEntry = { kind: "precert_entry", issuerKeyHash, tbsCertificate: bytes("TBS") } as const;
  return encodeEntry({
    timestampedEntry: { ...at, signedEntry },
    preCertificate: bytes("precertificate"),
    certificateChain,
  });
}

/** Files behind an HTTP server on loopback. */
export interface FileServer {
  readonly url: string;
  /** Paths in the order they were asked for. */
  readonly asked: string[];
  close(): Promise<void>;
}

/** Serves files below `/log/`; what is not there is a 404. */
export async function serveFiles(files: ReadonlyMap<string, Uint8Array>): Promise<FileServer> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = (request.url ?? "").replace(/^\/log\//u, "");
    asked.push(path);
    const body = files.get(path);
    if (body === undefined) response.writeHead(404).end("no such file");
    else response.writeHead(200, { "content-length": body.length }).end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/log`,
    asked,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
