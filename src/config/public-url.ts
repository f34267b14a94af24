import { isLoopback } from "./loopback.ts";
import type { Config } from "./schema.ts";

/**
 * Where clients find the CA: `trust.publicUrl`, and where it is left out in development the address that is listened on.
 *
 * @returns undefined when it is neither written nor to be known: outside development, or where the address is not one's own
 *   machine's or has no port yet
 */
export function publicUrlOf({ trust, http, environment }: Config): string | undefined {
  if (trust?.publicUrl !== undefined) return trust.publicUrl;
  const { host, port } = http.listen;
  if (environment !== "development" || port === 0 || !isLoopback(host)) return undefined;
  const scheme = http.tls === undefined ? "http" : "https";
  return new URL(`${scheme}://${host.includes(":") ? `[${host}]` : host}:${String(port)}`).origin;
}
