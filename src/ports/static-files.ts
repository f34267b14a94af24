/** A file, by its path below the folder: names with `/` between them. */
export interface StaticFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/**
 * A folder of files that others serve as they are: a web server, a CDN, a copy to an object store. Whoever reads meanwhile
 * finds each file whole, as it was or as it is.
 */
export interface StaticFiles {
  /** For messages. */
  readonly location: string;
  /**
   * Content of a file; undefined when there is none.
   *
   * @throws MayflyError `internal` (FILE_NOT_READ)
   */
  read(path: string): Promise<Uint8Array | undefined>;
  /**
   * Length of a file in bytes; undefined when there is none.
   *
   * @throws MayflyError `internal` (FILE_NOT_READ)
   */
  size(path: string): Promise<number | undefined>;
  /**
   * Makes or replaces files. When it returns they are on the disk under their names; when it throws, or the process ends
   * meanwhile, some of them may be: nobody must depend on a file before the call that wrote it has returned.
   *
   * @throws MayflyError `internal` (FILE_NOT_WRITTEN)
   */
  write(files: readonly StaticFile[]): Promise<void>;
  /**
   * Removes a folder and all files in it; there may be none.
   *
   * @throws MayflyError `internal` (FILE_NOT_WRITTEN)
   */
  removeFolder(path: string): Promise<void>;
}
