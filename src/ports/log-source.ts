/**
 * A log as an outsider reads it: over HTTP, or from a folder of files. Nothing it gives has been verified; that it has
 * the form that was asked for is all that is known. Every method may throw MayflyError `log_failed`:
 * SOURCE_UNAVAILABLE when the log does not answer, also not after some tries, and SOURCE_INVALID when it answers with
 * something else than was asked for, or lacks what a log of that size has.
 */
export interface LogSource {
  /** URL or folder, for messages. */
  readonly location: string;
  /**
   * The newest checkpoint as a signed note (C2SP tlog-checkpoint). The tree head of an RFC 6962 log comes as such a note,
   * with the signature line that C2SP static-ct-api defines for it.
   */
  checkpoint(): Promise<Uint8Array>;
  /**
   * Hash tile of that width (C2SP tlog-tiles). A partial tile that the log has only a wider version of is cut from that.
   *
   * @param width 1 to 256 hashes
   * @returns 32 bytes per hash; undefined when the log offers no tiles at all (RFC 6962)
   */
  tile(level: number, index: number, width: number): Promise<Uint8Array | undefined>;
  /**
   * Entries `start` ≤ index < `end` in log order, each as its TileLeaf bytes (C2SP static-ct-api).
   *
   * @param treeSize of the checkpoint that is being read, at least `end`: it says how wide the last tile is
   * @returns at least one entry, and no more than were asked for; ask again for the rest
   */
  entries(start: number, end: number, treeSize: number): Promise<readonly Uint8Array[]>;
  /** DER of a certificate that entries refer to, by its SHA-256; undefined when the log does not have it. */
  issuer(fingerprint: Uint8Array): Promise<Uint8Array | undefined>;
  /** Gives back connections. What is being read then ends with SOURCE_UNAVAILABLE. */
  close(): Promise<void>;
}
