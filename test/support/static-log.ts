import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { encodeTbs } from "../../src/core/certificate/encode-tbs.ts";
import { lintTemplate } from "../../src/core/certificate/lint-template.ts";
import { encodeCtExtensions } from "../../src/core/ct/ct-extensions.ts";
import { parseLogKey } from "../../src/core/ct/log-key.ts";
import { noteOfSignedTreeHead, treeHeadSigningInput } from "../../src/core/ct/signed-tree-head.ts";
import { encodeTileLeaf, leafInputOfTileLeaf, type TileLeaf } from "../../src/core/ct/static-entry.ts";
import { tilePath, tilesOfAppend } from "../../src/core/merkle/tile.ts";
import { leafHash, merkleTreeHash } from "../../src/core/merkle/tree.ts";
import { formatSignedNote } from "../../src/core/note/signed-note.ts";
import { makeKeyObjectSigner } from "../../src/adapters/signers/key-object-signer.ts";
import { signPrecertificate } from "../../src/issuance/sign-certificate.ts";
import {
  certify,
  makeCa,
  makeKeyPair,
  makeTemplate,
  NOW_MS,
  proven,
  SCT_LIST,
  type TestCa,
} from "./certificate-fixtures.ts";
import { sha256 } from "./log-fixtures.ts";

/** The key of a log, as whoever reads it gets it and as whoever runs it has it. */
export interface TestLogKey {
  readonly privateKey: KeyObject;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
}

/** A fresh P-256 log key. */
export function makeLogKey(): TestLogKey {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { privateKey, spki: Uint8Array.from(publicKey.export({ type: "spki", format: "der" })) };
}

/** A log that somebody else might have written: certificates among the precertificates, times that go back. */
export interface StaticLog {
  readonly origin: string;
  readonly key: TestLogKey;
  readonly ca: TestCa;
  /** In log order. */
  readonly entries: readonly TileLeaf[];
  readonly checkpointMs: number;
}

/** Makes a log of so many entries: every fifth is a certificate, the others are precertificates. */
export async function makeStaticLog(size: number, origin = "foreign.test/2026"): Promise<StaticLog> {
  const ca = makeCa();
  const signer = makeKeyObjectSigner(ca.issuingKey.privateKey);
  const key = proven(makeKeyPair("ecdsa-p256"), "ecdsa-p256");
  const entries: TileLeaf[] = [];
  for (let index = 0; index < size; index++) {
    const { encoded, der } = await signPrecertificate(lintTemplate(makeTemplate(ca, { key })), signer);
    const extensions = encodeCtExtensions(index);
    const timestampMs = NOW_MS + index * 10;
    const certificateChain = ca.chain.fingerprints;
    if (index % 5 === 4) {
      const tbs = encodeTbs(encoded, { kind: "sct-list", list: SCT_LIST });
      const certificate = certify(tbs, "ecdsa-p256-sha256", ca.issuingKey.privateKey);
      const signedEntry = { kind: "x509_entry" as const, certificate };
      entries.push({ timestampedEntry: { timestampMs, signedEntry, extensions }, certificateChain });
    } else {
      const signedEntry = {
        kind: "precert_entry" as const,
        issuerKeyHash: ca.chain.issuerKeyHash,
        tbsCertificate: encodeTbs(encoded, { kind: "none" }),
      };
      entries.push({
        timestampedEntry: { timestampMs, signedEntry, extensions },
        preCertificate: der,
        certificateChain,
      });
    }
  }
  return { origin, key: makeLogKey(), ca, entries, checkpointMs: NOW_MS + size * 10 };
}

/** Leaf hashes of entries. */
export function leafHashesOf(entries: readonly TileLeaf[]): Uint8Array[] {
  return entries.map((entry) => leafHash(leafInputOfTileLeaf(encodeTileLeaf(entry))));
}

/** A checkpoint that the log's key signed, over any tree that is asked for. */
export function signTree(
  { origin, key, checkpointMs }: Pick<StaticLog, "origin" | "key" | "checkpointMs">,
  { size, root }: { readonly size: number; readonly root: Uint8Array },
): Uint8Array {
  const head = { size, root, timestampMs: checkpointMs };
  const signature = sign("sha256", treeHeadSigningInput(head), key.privateKey);
  const note = noteOfSignedTreeHead({ ...head, signature }, origin, parseLogKey(key.spki).logId);
  return new Uint8Array(Buffer.from(formatSignedNote(note)));
}

/** The checkpoint over the first `size` entries. */
export function checkpointOfLog(log: StaticLog, size = log.entries.length): Uint8Array {
  return signTree(log, { size, root: merkleTreeHash(leafHashesOf(log.entries.slice(0, size))) });
}

/** The files of a log by their path (C2SP static-ct-api): its tree of `size` entries and no other. */
export function filesOfLog(log: StaticLog, size = log.entries.length): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>([["checkpoint", checkpointOfLog(log, size)]]);
  const entries = log.entries.slice(0, size);
  const { tiles } = tilesOfAppend({ size: 0, partialTiles: [] }, leafHashesOf(entries));
  for (const { level, index, hashes } of tiles) {
    files.set(tilePath({ kind: "hash", level, index, width: hashes.length / 32 }), hashes);
  }
  for (let start = 0; start < size; start += 256) {
    const stored = entries.slice(start, start + 256).map(encodeTileLeaf);
    files.set(
      tilePath({ kind: "data", index: start / 256, width: stored.length }),
      new Uint8Array(Buffer.concat(stored)),
    );
  }
  for (const der of log.ca.chain.certificates) {
    files.set(`issuer/${Buffer.from(sha256(der)).toString("hex")}`, der);
  }
  return files;
}

/** Writes the files of a log below a folder, which is made anew. */
export function writeLogFiles(folder: string, files: ReadonlyMap<string, Uint8Array>): void {
  rmSync(folder, { recursive: true, force: true });
  for (const [path, bytes] of files) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
  }
}
