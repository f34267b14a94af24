import { encodeBase64 } from "../core/encoding/base64.ts";
import type { LogManifest, PublishedCheckpoint } from "../ports/log-store.ts";

/** What a log says of itself. */
export interface LogMetadata {
  readonly manifest: Pick<LogManifest, "origin" | "logId" | "logPublicKey" | "createdMs">;
  /** SCT times that the log takes entries for, milliseconds since the Unix epoch; the end is not one of them. */
  readonly window?: { readonly startMs: number; readonly endMs: number };
  /** `pending` takes no entries yet; a log with a final tree head takes no more, whatever this says. */
  readonly state?: "pending" | "usable";
  /** Present when the log is frozen. */
  readonly final?: { readonly frozenMs: number; readonly treeHead: Pick<PublishedCheckpoint, "size" | "root"> };
}

/**
 * Seconds. An entry is under a published checkpoint before its SCT leaves, so there is no delay to wait out; the minute is
 * for mirrors and caches between the log and its reader.
 */
const MAXIMUM_MERGE_DELAY_SECONDS = 60;

/**
 * A log's `log.v3.json`: its object in a log list (version 3 of the format that Chrome publishes), as logs of static-ct-api
 * serve it beside their checkpoint. UTF-8, ended by a newline.
 */
export function encodeLogV3Json(metadata: LogMetadata): Uint8Array {
  const { manifest, window } = metadata;
  const url = `https://${manifest.origin}/`;
  const description = {
    description: manifest.origin,
    log_id: encodeBase64(manifest.logId),
    key: encodeBase64(manifest.logPublicKey),
    mmd: MAXIMUM_MERGE_DELAY_SECONDS,
    submission_url: url,
    monitoring_url: url,
    ...(window !== undefined && {
      temporal_interval: { start_inclusive: timeOf(window.startMs), end_exclusive: timeOf(window.endMs) },
    }),
    state: stateOf(metadata),
  };
  return Buffer.from(`${JSON.stringify(description, undefined, 2)}\n`, "utf8");
}

function stateOf({ manifest, state = "usable", final }: LogMetadata): object {
  if (final === undefined) return { [state]: { timestamp: timeOf(manifest.createdMs) } };
  const { frozenMs, treeHead } = final;
  return {
    readonly: {
      timestamp: timeOf(frozenMs),
      final_tree_head: { tree_size: treeHead.size, sha256_root_hash: encodeBase64(treeHead.root) },
    },
  };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
