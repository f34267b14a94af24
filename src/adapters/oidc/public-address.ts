import { lookup as systemLookup, type LookupAddress, type LookupOptions } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import ipaddr from "ipaddr.js";

/** Resolves a host name to all its addresses; `dns.lookup` with `all: true`, which gives none beside an error. */
export type LookupAll = (
  hostname: string,
  options: LookupOptions & { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses?: LookupAddress[]) => void,
) => void;

/** Global unicast space of IPv6 (RFC 4291 §2.4); everything else is reserved or embeds another address. */
const IPV6_GLOBAL_UNICAST = ipaddr.IPv6.parse("2000::");

/**
 * Whether an address literal is one of the public internet: not loopback, private, link-local, shared, multicast,
 * documentation or reserved, nor an IPv6 form that carries such an IPv4 address (RFC 6890).
 */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0) return false;
  const parsed = ipaddr.process(address);
  if (parsed.range() !== "unicast") return false;
  return parsed instanceof ipaddr.IPv4 || parsed.match(IPV6_GLOBAL_UNICAST, 3);
}

/** Whether a URL's host is an address literal that is not public. Such hosts never reach a lookup function. */
export function hasPrivateLiteral(url: URL): boolean {
  const host = url.hostname.replace(/^\[(.*)\]$/u, "$1");
  return isIP(host) !== 0 && !isPublicAddress(host);
}

/**
 * A lookup for sockets that fails when any address of a name is not public. The addresses it hands on are the ones the
 * socket connects to, so a name that resolves differently a moment later gains nothing.
 */
export function publicLookup(lookup?: LookupAll): LookupFunction {
  return permittedLookup(isPublicAddress, lookup);
}

/** A lookup for sockets, one address or all of them as they ask, that fails when any address of a name is not permitted. */
export function permittedLookup(
  isPermitted: (address: string) => boolean,
  lookup: LookupAll = systemLookup,
): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses = []) => {
      const [first] = addresses;
      if (error !== null || first === undefined) {
        callback(error ?? new Error("the name has no address"), "");
      } else if (!addresses.every(({ address }) => isPermitted(address))) {
        callback(new Error("the name resolves to an address that is not public"), "");
      } else if (options.all === true) {
        callback(null, addresses);
      } else {
        callback(null, first.address, first.family);
      }
    });
  };
}
