import type { ProcessTelemetry } from "../adapters/telemetry/open-telemetry.ts";
import { ConfigError } from "../config/load-config.ts";
import type { Config } from "../config/schema.ts";
import { describeCauses } from "../core/errors.ts";
import type { TlsSource } from "../http/tls-server.ts";
import type { Clock } from "../ports/clock.ts";
import type { TlsTelemetry } from "../ports/telemetry.ts";
import { watchTlsPair } from "./watch-tls-pair.ts";
import type { TlsFiles } from "./watch-tls-pair.ts";

/** What certificates are watched with. */
export interface TlsParts {
  readonly config: Pick<Config, "grpc" | "http">;
  readonly clock: Clock;
  readonly telemetry: ProcessTelemetry;
  readonly resources: AsyncDisposableStack;
}

/** The certificate of a listener, if it has one. */
export interface ListenerTls {
  readonly tls?: TlsSource;
}

/**
 * Opens the certificates of the public listeners. gRPC has that of HTTP unless it has its own.
 *
 * @throws ConfigError when one cannot be used
 */
export async function openTlsOfListeners(
  parts: TlsParts,
): Promise<{ readonly http: ListenerTls; readonly grpc: ListenerTls }> {
  const { http, grpc } = parts.config;
  const share = shareExpiry(parts.telemetry.tls);
  const ofHttp = http.tls === undefined ? {} : { tls: await open("http.tls", http.tls, { ...parts, tls: share() }) };
  if (grpc?.tls === undefined) return { http: ofHttp, grpc: ofHttp };
  return { http: ofHttp, grpc: { tls: await open("grpc.tls", grpc.tls, { ...parts, tls: share() }) } };
}

async function open(
  setting: string,
  files: TlsFiles,
  { clock, telemetry, resources, tls }: TlsParts & { readonly tls: TlsTelemetry },
): Promise<TlsSource> {
  const notice: ProcessTelemetry["notice"] = (level, message, fields) => {
    telemetry.notice(level, message, fields);
  };
  try {
    const watched = await watchTlsPair(files, { clock, telemetry: { notice, tls } });
    resources.defer(() => {
      watched.close();
    });
    return watched;
  } catch (cause) {
    throw new ConfigError(`${setting} (${files.certificate}, ${files.key}): ${describeCauses(cause)}`, { cause });
  }
}

/** Makes one telemetry of several listeners: of their certificates, the one that expires first is told of. */
function shareExpiry(tls: TlsTelemetry): () => TlsTelemetry {
  const expiries = new Map<object, number>();
  return () => {
    const own: TlsTelemetry = {
      handshakeFailed: (cause) => {
        tls.handshakeFailed(cause);
      },
      pairLoaded: (notAfterMs) => {
        expiries.set(own, notAfterMs);
        tls.pairLoaded(Math.min(...expiries.values()));
      },
      pairRefused: () => {
        tls.pairRefused();
      },
    };
    return own;
  };
}
