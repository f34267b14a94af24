import type { NoteVerifier } from "../core/note/signed-note.ts";

/** A tree that a log is about to sign. */
export interface CheckpointToSign {
  readonly size: number;
  /** 32 bytes. */
  readonly root: Uint8Array;
  readonly timestampMs: number;
  /** The checkpoint's note text (C2SP tlog-checkpoint), which says origin, size and root, but no time. */
  readonly text: string;
}

/** One signature line of a log's checkpoints (C2SP signed-note); each key that signs checkpoints is one of these. */
export interface CheckpointSigner extends NoteVerifier {
  /** Whether each line is verified when it is signed; otherwise it is before anybody outside this process sees it. */
  readonly isVerifiedAtOnce: boolean;
  /**
   * Signature bytes of the line, without the key ID.
   *
   * @throws MayflyError `signer_failed` or `signer_unavailable`
   */
  sign(checkpoint: CheckpointToSign): Promise<Uint8Array>;
}
