import type { PublicLogView } from "../ctlog/public-log-view.ts";
import type { LogManifest, PublishedCheckpoint } from "../ports/log-store.ts";

/** A log that can be read. */
export interface ReadableLog {
  readonly manifest: LogManifest;
  readonly view: PublicLogView;
  /** The newest published checkpoint. */
  readonly checkpoint: () => PublishedCheckpoint | undefined;
  /** Why the head mark is behind the log, if the last attempt to write it failed. */
  readonly markFailure: () => unknown;
}
