import { hash } from "node:crypto";
import { MayflyError } from "../core/errors.ts";
import type { LogSource } from "../ports/log-source.ts";
import { readAuditPath, readConsistencyProof } from "../tlog/log-reader.ts";
import type { EntryRange } from "../tlog/read-parts.ts";
import { openVerifiedTiles, type VerifiedTiles } from "../tlog/verified-tiles.ts";
import { readEntries, readUnverifiedEntries, type LogEntry } from "./read-entries.ts";
import { verifyTrustedCheckpoint, type LogTrust, type VerifiedCheckpoint } from "./trusted-checkpoint.ts";
import { verifyRemoteLog, type RemoteLogVerification, type VerifyRemoteLogOptions } from "./verify-remote-log.ts";
import { verifyConsistencyProof } from "./verify-tree-proof.ts";

/**
 * Somebody else's log, read by whoever trusts its keys and nothing else of it. Whatever it gives was compared with a
 * checkpoint that the keys signed, but for what is called unverified. Failures are MayflyError `log_failed`:
 * SOURCE_UNAVAILABLE when the log does not answer, SOURCE_INVALID when what it answers is not what its checkpoint says.
 * An RFC 6962 log has no tiles: it can be verified as a whole, but its entries can only be had unverified, and its proofs not at all.
 */
export interface RemoteLog {
  /** The log as it is, for whoever verifies for himself. */
  readonly source: LogSource;
  /** Fetches the newest checkpoint and verifies it; CHECKPOINT_INVALID when it is not to be trusted. */
  checkpoint(): Promise<VerifiedCheckpoint>;
  /**
   * Reads entries of a tree in log order, each compared with the tree before it is given. All of them when no range is said.
   *
   * @throws RangeError unless 0 ≤ start ≤ end ≤ the checkpoint's size
   */
  entries(checkpoint: VerifiedCheckpoint, range?: Partial<EntryRange>): AsyncGenerator<LogEntry, void, void>;
  /** Reads entries as the log gives them, whether or not they are in the tree. */
  unverifiedEntries(checkpoint: VerifiedCheckpoint, range?: Partial<EntryRange>): AsyncGenerator<LogEntry, void, void>;
  /**
   * Audit path of a leaf in a tree (RFC 6962 §2.1.1), computed from verified tiles.
   *
   * @throws RangeError unless 0 ≤ leafIndex < the checkpoint's size
   */
  inclusionProof(checkpoint: VerifiedCheckpoint, leafIndex: number): Promise<readonly Uint8Array[]>;
  /**
   * Proof that a later tree continues an earlier one (RFC 6962 §2.1.2), computed from verified tiles and verified itself. A
   * LOG_PROOF_INVALID means that the log signed two histories: keep both notes.
   *
   * @param first not of the empty tree
   * @throws MayflyError `log_failed` (LOG_PROOF_INVALID) when there is no such proof
   */
  consistencyProof(first: VerifiedCheckpoint, second: VerifiedCheckpoint): Promise<readonly Uint8Array[]>;
  /**
   * DER of a certificate that an entry's chain names.
   *
   * @param fingerprint its SHA-256, 32 bytes
   */
  issuer(fingerprint: Uint8Array): Promise<Uint8Array>;
  /** Verifies everything in the log: entries, tiles and issuers under its newest checkpoint, of an RFC 6962 log too. */
  verify(options?: VerifyRemoteLogOptions): Promise<RemoteLogVerification>;
  /** Gives back connections. */
  close(): Promise<void>;
}

/** Makes the view of a log for whoever trusts its keys. */
export function makeRemoteLog(source: LogSource, trust: LogTrust): RemoteLog {
  const tilesOf = makeTilesOf(source);
  const rangeOf = ({ size }: VerifiedCheckpoint, range: Partial<EntryRange>): EntryRange => ({
    start: 0,
    end: size,
    ...range,
  });
  return {
    source,
    checkpoint: async () => verifyTrustedCheckpoint(await source.checkpoint(), trust),
    entries: async function* (checkpoint, range = {}) {
      yield* readEntries(source, await tilesOf(checkpoint), rangeOf(checkpoint, range));
    },
    unverifiedEntries: (checkpoint, range = {}) =>
      readUnverifiedEntries(source, rangeOf(checkpoint, range), checkpoint.size),
    inclusionProof: async (checkpoint, leafIndex) => readAuditPath(await tilesOf(checkpoint), leafIndex),
    consistencyProof: async (first, second) => {
      const isOrdered = first.size > 0 && first.size <= second.size;
      const proof = isOrdered ? await readConsistencyProof(await tilesOf(second), first.size) : [];
      verifyConsistencyProof(first, second, proof);
      return proof;
    },
    issuer: (fingerprint) => issuerOf(source, fingerprint),
    verify: (options) => verifyRemoteLog(source, trust, options),
    close: () => source.close(),
  };
}

/** Proofs and entries are mostly asked of one checkpoint many times: its tiles are kept until another one's are wanted. */
function makeTilesOf(source: LogSource): (checkpoint: VerifiedCheckpoint) => Promise<VerifiedTiles> {
  let last: { readonly checkpoint: VerifiedCheckpoint; readonly tiles: Promise<VerifiedTiles> } | undefined;
  return (checkpoint) => {
    if (last?.checkpoint === checkpoint) return last.tiles;
    const opened = { checkpoint, tiles: openVerifiedTiles(source, checkpoint) };
    last = opened;
    opened.tiles.catch(() => {
      if (last === opened) last = undefined;
    });
    return opened.tiles;
  };
}

async function issuerOf(source: LogSource, fingerprint: Uint8Array): Promise<Uint8Array> {
  const name = `issuer ${Buffer.from(fingerprint).toString("hex")}`;
  const der = await source.issuer(fingerprint);
  if (der === undefined) throw new MayflyError("SOURCE_INVALID", `${source.location} has no ${name}`);
  if (Buffer.compare(hash("sha256", der, "buffer"), fingerprint) !== 0) {
    throw new MayflyError("SOURCE_INVALID", `${source.location} has something else as ${name}`);
  }
  return der;
}
