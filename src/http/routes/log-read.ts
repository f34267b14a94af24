import type { PublicLogView } from "../../ctlog/public-log-view.ts";
import type { Resource } from "../representation.ts";

/** A log and where it is read. */
export interface PublishedLog {
  /** What comes before `/checkpoint` in a URL's path: empty, or a slash and more, without a final slash. */
  readonly pathPrefix: string;
  readonly view: PublicLogView;
  /** DER of the root certificates that new entries may lead to (RFC 6962 §4.7); none where none come any more. */
  readonly roots: readonly Uint8Array[];
}

/** A request target in origin-form (RFC 9112 §3.2.1), in its two parts. */
export interface ReadTarget {
  readonly path: string;
  /** Without its question mark; empty when there is none. */
  readonly query: string;
}

/** One kind of read of a log. */
export interface LogRead {
  /** The path below the log's prefix, from its slash on; part of a regular expression. */
  readonly pattern: string;
  /** Stands for the path in events. */
  readonly template: string;
  /** Whether what is read is large: such reads have their places in memory counted. */
  readonly isLarge: boolean;
  /** Reads it; undefined when the published log has no such thing. */
  readonly read: (target: ReadTarget) => Promise<Resource | undefined>;
}
