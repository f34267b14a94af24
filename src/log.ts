/**
 * The public entry `mayfly/log`: reads certificate transparency logs of anybody (C2SP static-ct-api, RFC 6962) and
 * verifies what they say. docs/library.md has programs to start from.
 *
 * Everything fails with {@link LogError}, whose `reason` is stable; TypeError and RangeError are mistakes of the caller.
 */
import { openLogSource, type OpenLogSourceOptions } from "./compose/open-log-source.ts";
import { makeRemoteLog, type RemoteLog } from "./ctlog/remote-log.ts";
import type { LogTrust } from "./ctlog/trusted-checkpoint.ts";

/** How a log is opened: its kind, when it is known, and how it is read over HTTP. */
export type OpenLogOptions = Omit<OpenLogSourceOptions, "logId" | "origin">;

/**
 * Opens a log to read: a URL (static-ct-api or RFC 6962), or a folder with the files of a static log.
 *
 * @param trust the keys that must have signed its checkpoints, from somewhere else than the log itself
 * @throws LogError SOURCE_UNAVAILABLE, SOURCE_INVALID
 */
export async function openLog(location: string, trust: LogTrust, options: OpenLogOptions = {}): Promise<RemoteLog> {
  const { origin, logKey } = trust;
  const name = logKey === undefined ? { origin } : { origin, logId: logKey.logId };
  return makeRemoteLog(await openLogSource(location, { ...options, ...name }), trust);
}

export { MayflyError as LogError } from "./core/errors.ts";

export type { RemoteLog } from "./ctlog/remote-log.ts";
export type { RemoteLogVerification, VerifyRemoteLogOptions } from "./ctlog/verify-remote-log.ts";
export type { LogProblem } from "./tlog/log-problem.ts";
export type { LogSource } from "./ports/log-source.ts";
export type { EntryRange } from "./tlog/read-parts.ts";

// Whom one trusts, and what follows from it.
export {
  parseTrustedLogKey as parseLogKey,
  parseTrustedVerifierKey as parseVerifierKey,
} from "./ctlog/trusted-keys.ts";
export type { LogKey } from "./core/ct/log-key.ts";
export type { VerifierKey } from "./core/note/verifier-key.ts";
export {
  verifyTrustedCheckpoint as verifyCheckpoint,
  type LogTrust,
  type VerifiedCheckpoint,
  type VerifiedCosignature,
} from "./ctlog/trusted-checkpoint.ts";

// Proofs (RFC 6962 §2.1).
export { verifyConsistencyProof, verifyInclusionProof } from "./ctlog/verify-tree-proof.ts";
export type { Inclusion } from "./core/merkle/audit-path.ts";
export type { StatedTree } from "./core/merkle/consistency-proof.ts";

// Entries (C2SP static-ct-api).
export { decodeLogEntry, type LogEntry } from "./ctlog/read-entries.ts";
export type { SignedEntry } from "./core/ct/log-entry.ts";

// SCTs (RFC 6962 §3).
export { sctsOfCertificate, verifyEmbeddedSct, type IssuedByCa, type VerifiedSct } from "./ctlog/embedded-sct.ts";
export type { SignedCertificateTimestamp } from "./core/ct/sct.ts";

// Tiles (C2SP tlog-tiles).
export { parseTilePath, TILE_WIDTH, tilePath, tileWidthAt, type TileName } from "./core/merkle/tile.ts";
