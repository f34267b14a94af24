import type { LogKey } from "../core/ct/log-key.ts";
import { decodeTreeHeadNoteSignature, makeTreeHeadVerifier } from "../core/ct/signed-tree-head.ts";
import { PresentationError } from "../core/encoding/tls-presentation.ts";
import { MayflyError } from "../core/errors.ts";
import { parseCheckpoint, type Checkpoint } from "../core/note/checkpoint.ts";
import { decodeCosignature, makeCosignatureVerifier } from "../core/note/cosignature.ts";
import { NoteError } from "../core/note/note-error.ts";
import { parseSignedNote, verifySignedNote, type NoteVerifier, type SignedNote } from "../core/note/signed-note.ts";
import { makeEd25519Verifier, SIGNATURE_TYPE, type VerifierKey } from "../core/note/verifier-key.ts";

/** Whom somebody believes about a log. At least one of the log's own keys must be given, and each that is must sign. */
export interface LogTrust {
  /** First line of its checkpoints. */
  readonly origin: string;
  /** The P-256 key that signs SCTs and tree heads (RFC 6962 §2.1.4). */
  readonly logKey?: LogKey;
  /** The key of its plain Ed25519 signatures (C2SP signed-note, type 0x01). */
  readonly checkpointKey?: VerifierKey;
  /** Keys of witnesses (C2SP tlog-cosignature, type 0x04). What one of them signed must be right. */
  readonly witnesses?: readonly VerifierKey[];
  /** How many of the witnesses must have cosigned; 0 when left out. */
  readonly requiredWitnesses?: number;
}

/** A witness's signature on a checkpoint that was verified. */
export interface VerifiedCosignature {
  /** Name of the witness's key. */
  readonly name: string;
  /** When it saw the checkpoint, in seconds since the Unix epoch. */
  readonly timestampSeconds: number;
}

declare const verified: unique symbol;

/** A checkpoint that the keys of a {@link LogTrust} signed: only {@link verifyTrustedCheckpoint} makes one. */
export interface VerifiedCheckpoint extends Checkpoint {
  /** The signed note that says so, for keeping and showing to others. */
  readonly note: Uint8Array;
  /** From the tree head signature, when the log's P-256 key is trusted: milliseconds since the Unix epoch. */
  readonly timestampMs?: number;
  readonly cosignatures: readonly VerifiedCosignature[];
  readonly [verified]: true;
}

/**
 * Verifies a checkpoint (C2SP tlog-checkpoint, static-ct-api, tlog-cosignature). Signatures by others are ignored.
 *
 * @param note the whole signed note
 * @throws MayflyError `log_failed` (CHECKPOINT_INVALID) when it is malformed, of another log, or lacks a signature
 * @throws TypeError when `trust` names no key of the log, or a key in the wrong place
 */
export function verifyTrustedCheckpoint(note: Uint8Array, trust: LogTrust): VerifiedCheckpoint {
  const own = verifiersOf(trust);
  const witnesses = (trust.witnesses ?? []).map((key) =>
    makeCosignatureVerifier(requireType(key, SIGNATURE_TYPE.cosignature)),
  );
  try {
    const signed = parseSignedNote(note);
    const checkpoint = parseCheckpoint(signed.text);
    if (checkpoint.origin !== trust.origin) throw new NoteError("it is of another log");
    // One by one: a signature of the one key does not stand for the other's.
    for (const verifier of own) verifySignedNote(signed, [verifier]);
    const cosignatures = verifyCosignatures(signed, own, witnesses);
    const required = trust.requiredWitnesses ?? 0;
    if (cosignatures.length < required) {
      throw new NoteError(`${cosignatures.length} of ${required} witnesses cosigned it`);
    }
    const time = trust.logKey === undefined ? {} : { timestampMs: timeOf(signed, trust.origin, trust.logKey) };
    // The one place where a checkpoint becomes a verified one.
    return { ...checkpoint, ...time, note: new Uint8Array(note), cosignatures } as VerifiedCheckpoint;
  } catch (cause) {
    if (!(cause instanceof NoteError) && !(cause instanceof PresentationError)) throw cause;
    throw new MayflyError("CHECKPOINT_INVALID", `the checkpoint is not to be trusted: ${cause.message}`, { cause });
  }
}

function verifiersOf({ origin, logKey, checkpointKey }: LogTrust): readonly NoteVerifier[] {
  const verifiers: NoteVerifier[] = [];
  if (logKey !== undefined) verifiers.push(makeTreeHeadVerifier({ origin, key: logKey }));
  if (checkpointKey !== undefined)
    verifiers.push(makeEd25519Verifier(requireType(checkpointKey, SIGNATURE_TYPE.ed25519)));
  if (verifiers.length === 0) throw new TypeError("a log is trusted by one of its keys at least");
  return verifiers;
}

function requireType(key: VerifierKey, type: VerifierKey["type"]): VerifierKey {
  if (key.type === type) return key;
  throw new TypeError(`the key of ${key.name} makes signatures of type ${key.type}, not ${type}`);
}

/** At most one for each witness: its latest. */
function verifyCosignatures(
  note: SignedNote,
  own: readonly NoteVerifier[],
  witnesses: readonly NoteVerifier[],
): readonly VerifiedCosignature[] {
  const latest = new Map<string, VerifiedCosignature>();
  const nameOf = ({ name, keyId }: Pick<NoteVerifier, "name" | "keyId">): string =>
    `${name} ${Buffer.from(keyId).toString("hex")}`;
  const known = new Set(witnesses.map(nameOf));
  for (const line of verifySignedNote(note, [...own, ...witnesses])) {
    if (!known.has(nameOf(line))) continue;
    const { timestampSeconds } = decodeCosignature(line.signature);
    const before = latest.get(nameOf(line));
    if (before === undefined || before.timestampSeconds < timestampSeconds) {
      latest.set(nameOf(line), { name: line.name, timestampSeconds });
    }
  }
  return [...latest.values()];
}

/** The latest of the times that the log's key put on the checkpoint. */
function timeOf(note: SignedNote, origin: string, key: LogKey): number {
  const lines = verifySignedNote(note, [makeTreeHeadVerifier({ origin, key })]);
  return Math.max(...lines.map(({ signature }) => decodeTreeHeadNoteSignature(signature).timestampMs));
}
