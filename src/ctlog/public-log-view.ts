import { parseLogKey } from "../core/ct/log-key.ts";
import { encodeLogV3Json } from "./log-v3-json.ts";
import type { LogMetadata } from "./log-v3-json.ts";
import { makeRfc6962View } from "./rfc6962-view.ts";
import type { Rfc6962View } from "./rfc6962-view.ts";
import { makeStaticCtView } from "./static-ct-view.ts";
import type { StaticCtLog, StaticCtView } from "./static-ct-view.ts";

/** Everything an outsider can read of one log. */
export interface PublicLogView {
  readonly staticCt: StaticCtView;
  readonly rfc6962: Rfc6962View;
  /** The log's `log.v3.json`. */
  readonly logV3Json: () => Uint8Array;
}

/** What a {@link PublicLogView} is made of. */
export interface PublicLog extends StaticCtLog {
  /** What changes about the log while it is served; asked for each answer. Nothing when left out. */
  readonly metadata?: () => Omit<LogMetadata, "manifest">;
}

/**
 * Makes all views of a log.
 *
 * @throws MayflyError `log_failed` (LOG_WRONG_KEY) when the manifest's key is no P-256 key
 */
export function makePublicLogView({ metadata = () => ({}), ...log }: PublicLog): PublicLogView {
  const { store, manifest } = log;
  return {
    staticCt: makeStaticCtView(log),
    rfc6962: makeRfc6962View(store, { origin: manifest.origin, key: parseLogKey(manifest.logPublicKey) }),
    logV3Json: () => encodeLogV3Json({ manifest, ...metadata() }),
  };
}
