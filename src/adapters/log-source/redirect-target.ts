import type { Answer } from "./exchange.ts";
import { sourceInvalid } from "./source-failure.ts";

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Where a redirect leads (RFC 9110 §15.4): a log's answers come from its own host, and what was asked for under TLS comes
 * under TLS.
 *
 * @throws MayflyError `log_failed` (SOURCE_INVALID) when the answer is no redirect, or one to another host or to plain HTTP
 */
export function redirectTarget(from: URL, { status, headers }: Answer): URL {
  if (!REDIRECTS.has(status)) throw sourceInvalid(from.href, `is answered with status ${status}`);
  const to = URL.parse(headers.location ?? "", from);
  if (to === null || !(isSameServer(from, to) || isUpgrade(from, to)) || to.username !== "" || to.password !== "") {
    throw sourceInvalid(from.href, "is redirected away from its host");
  }
  return to;
}

const isSameServer = (from: URL, to: URL): boolean => to.host === from.host && to.protocol === from.protocol;

/** From http to https on one host, on whatever port. */
const isUpgrade = (from: URL, to: URL): boolean =>
  to.hostname === from.hostname && from.protocol === "http:" && to.protocol === "https:";
