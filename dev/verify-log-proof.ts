import { hash } from "node:crypto";
import { EXTENSION_OID_SCT, X509Certificate } from "@sigstore/core";
import { decodeCtExtensions } from "../src/core/ct/ct-extensions.ts";
import { encodeMerkleTreeLeaf } from "../src/core/ct/log-entry.ts";
import { parseLogKey } from "../src/core/ct/log-key.ts";
import { makeTreeHeadVerifier } from "../src/core/ct/signed-tree-head.ts";
import { auditPathSubtrees, verifyInclusion } from "../src/core/merkle/audit-path.ts";
import { subtreeHash, tilePath, tilesForSubtree, tileWidthAt } from "../src/core/merkle/tile.ts";
import { leafHash } from "../src/core/merkle/tree.ts";
import { parseCheckpoint } from "../src/core/note/checkpoint.ts";
import type { Checkpoint } from "../src/core/note/checkpoint.ts";
import { parseSignedNote, verifySignedNote } from "../src/core/note/signed-note.ts";
import { certificatesOf } from "./verify-bundle.ts";
import type { TrustAnchors } from "./verify-bundle.ts";

/** The log's public read side. */
export interface LogAddress {
  /** Without a final slash; checkpoint and tiles are below it. */
  readonly url: string;
  readonly origin: string;
}

/** Where a certificate was found in the log. */
export interface LogProof {
  readonly logIndex: number;
  readonly treeSize: number;
}

/**
 * Proves that a certificate is in the log, from public data and the log's key alone: the entry is rebuilt from the
 * certificate, its audit path is computed from the log's tiles, and the root is the one of a signed checkpoint.
 *
 * @param leaf DER of the certificate
 * @throws an error that says which step failed
 */
export async function verifyLogProof(leaf: Buffer, anchors: TrustAnchors, log: LogAddress): Promise<LogProof> {
  const { logIndex, leafInput } = rebuildEntry(leaf, anchors);
  const checkpoint = await fetchCheckpoint(anchors, log);
  const { size, root } = checkpoint;
  const subtrees = auditPathSubtrees(logIndex, size);
  const tiles = await fetchTiles(
    subtrees.flatMap(({ start, end }) => tilesForSubtree(start, end)),
    checkpoint,
    log,
  );
  const path = subtrees.map(({ start, end }) =>
    subtreeHash(start, end, (level, index) => tiles.get(`${String(level)}/${String(index)}`) ?? new Uint8Array()),
  );
  verifyInclusion({ leafHash: leafHash(leafInput), leafIndex: logIndex, treeSize: size, root }, path);
  return { logIndex, treeSize: size };
}

/** The log entry that the certificate's SCT promises (RFC 6962 §3.4); the TBS is taken apart by `@sigstore/core`. */
function rebuildEntry(leaf: Buffer, anchors: TrustAnchors): { logIndex: number; leafInput: Uint8Array } {
  const certificate = X509Certificate.parse(Buffer.from(leaf));
  const sct = certificate.extSCT?.signedCertificateTimestamps[0];
  if (sct === undefined) throw new Error("the certificate holds no SCT");
  const logIndex = decodeCtExtensions(sct.extensions);
  if (logIndex === undefined) throw new Error("the SCT does not say where in the log its entry is");
  const position = certificate.extensions.findIndex((extension) => extension.subs[0]?.toOID() === EXTENSION_OID_SCT);
  certificate.extensions.splice(position, 1);
  return {
    logIndex,
    leafInput: encodeMerkleTreeLeaf({
      timestampMs: Number(sct.timestamp.readBigUInt64BE()),
      signedEntry: {
        kind: "precert_entry",
        issuerKeyHash: issuerKeyHash(anchors),
        tbsCertificate: certificate.tbsCertificate.toDER(),
      },
      extensions: sct.extensions,
    }),
  };
}

function issuerKeyHash({ chainPem }: TrustAnchors): Uint8Array {
  const issuer = certificatesOf(chainPem)[0];
  if (issuer === undefined) throw new Error("no CA chain to trust");
  return hash("sha256", issuer.publicKey.export({ type: "spki", format: "der" }), "buffer");
}

async function fetchCheckpoint({ logPublicKey }: TrustAnchors, log: LogAddress): Promise<Checkpoint> {
  const note = parseSignedNote(await get(`${log.url}/checkpoint`));
  verifySignedNote(note, [makeTreeHeadVerifier({ origin: log.origin, key: parseLogKey(logPublicKey) })]);
  const checkpoint = parseCheckpoint(note.text);
  if (checkpoint.origin !== log.origin) throw new Error(`the checkpoint is of another log: ${checkpoint.origin}`);
  return checkpoint;
}

async function fetchTiles(
  positions: readonly { level: number; index: number }[],
  { size }: Checkpoint,
  log: LogAddress,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const tiles = new Map<string, Uint8Array>();
  for (const { level, index } of positions) {
    const name = `${String(level)}/${String(index)}`;
    if (tiles.has(name)) continue;
    const path = tilePath({ kind: "hash", level, index, width: tileWidthAt(level, index, size) });
    tiles.set(name, await get(`${log.url}/${path}`));
  }
  return tiles;
}

async function get(url: string): Promise<Uint8Array> {
  const answer = await globalThis.fetch(url);
  if (answer.status !== 200) throw new Error(`${url} answered ${String(answer.status)}`);
  return new Uint8Array(await answer.arrayBuffer());
}
