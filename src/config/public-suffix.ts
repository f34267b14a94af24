import { createRequire } from "node:module";
import type * as Tldts from "tldts";

/*
 * The list is 2 MiB of memory and some ten milliseconds, and most configurations name no domain: it is loaded when one does.
 * `require`, because configurations are read synchronously.
 */
const load = createRequire(import.meta.url);
let tldts: typeof Tldts | undefined;

/** Also suffixes of companies that give out domains below them (github.io), because those belong to different owners. */
const OPTIONS = { allowPrivateDomains: true } as const;

/**
 * The part of a host name that somebody registered: the public suffix and one label more (publicsuffix.org).
 *
 * @param host lower case
 * @returns undefined for an address, a public suffix, and a name of one label
 */
export function registrableDomain(host: string): string | undefined {
  tldts ??= load("tldts") as typeof Tldts; // what `require` gives has no type of its own
  return tldts.getDomain(host, OPTIONS) ?? undefined;
}

/**
 * {@link registrableDomain} of a host or of a pattern of hosts.
 *
 * @param host lower case, perhaps with stars
 * @returns undefined as there, and where a star stands in it: then whoever registers a name that fits has one
 */
export function registeredPart(host: string): string | undefined {
  const domain = registrableDomain(host.replaceAll("*", "x"));
  if (domain === undefined) return undefined;
  return host.endsWith(domain) ? domain : undefined;
}
