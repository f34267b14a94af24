/** The files of a log below one prefix (C2SP static-ct-api), wherever they are. */
export interface LogFiles {
  /** URL or folder, for messages. */
  readonly location: string;
  /**
   * @param path below the prefix, such as `tile/0/000`
   * @param maxBytes bound on its length
   * @returns undefined when there is no such file
   * @throws MayflyError `log_failed` (SOURCE_UNAVAILABLE, SOURCE_INVALID)
   */
  read(path: string, maxBytes: number): Promise<Uint8Array | undefined>;
  close(): Promise<void>;
}
