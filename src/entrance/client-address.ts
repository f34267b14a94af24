import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Network = readonly [Address, number];

/** As much of a request as tells whom it came from. */
export interface Arrival {
  readonly headers: IncomingHttpHeaders;
  readonly socket: { readonly remoteAddress?: string | undefined };
}

/** Names the client of a request, for limits: an IPv4 address, or the network of 64 bits that an IPv6 client has. */
export type ClientAddress = (request: Arrival) => string;

/** The other end of a connection. */
interface Peer {
  readonly name: string;
  readonly isProxy: boolean;
}

/**
 * How clients are told apart. Without proxies a client is the other end of the connection. Behind proxies it is the
 * last address in X-Forwarded-For that is not a proxy's: each of them appends whom it heard from, so what stands to the
 * left of that came from the client and may be invented.
 *
 * @param trustedProxies addresses, and networks in CIDR notation, checked before
 */
export function makeClientAddress(trustedProxies: readonly string[]): ClientAddress {
  const isProxy = makeIsProxy(trustedProxies);
  // A connection carries many requests, and reading an address is not free.
  const peers = new WeakMap<Arrival["socket"], Peer>();
  return ({ socket, headers }) => {
    let peer = peers.get(socket);
    if (peer === undefined) {
      peer = peerAt(socket.remoteAddress, isProxy);
      peers.set(socket, peer);
    }
    return peer.isProxy ? (lastForwarded(headers["x-forwarded-for"], isProxy) ?? peer.name) : peer.name;
  };
}

/** Names the other end of a connection, for limits on connections; undefined when they do not apply to it. */
export type PeerName = (remoteAddress: string | undefined) => string | undefined;

/**
 * As {@link makeClientAddress} for the connection itself: a proxy has no name, because its connections carry everybody's
 * requests.
 *
 * @param trustedProxies addresses, and networks in CIDR notation, checked before
 */
export function makePeerName(trustedProxies: readonly string[]): PeerName {
  const isProxy = makeIsProxy(trustedProxies);
  return (remoteAddress) => {
    const peer = peerAt(remoteAddress, isProxy);
    return peer.isProxy ? undefined : peer.name;
  };
}

type IsProxy = (address: Address) => boolean;

function makeIsProxy(trustedProxies: readonly string[]): IsProxy {
  const proxies = trustedProxies.map(parseNetwork);
  return (address) =>
    proxies.some(([network, bits]) => address.kind() === network.kind() && address.match([network, bits]));
}

/** @param remoteAddress as Node tells it; undefined when the connection is gone */
function peerAt(remoteAddress: string | undefined, isProxy: IsProxy): Peer {
  const address = parseAddress(remoteAddress ?? "");
  return { name: nameOf(address), isProxy: address !== undefined && isProxy(address) };
}

/** Read from the right; stops at the first address that is no proxy's, or at what is no address. */
function lastForwarded(field: string | string[] | undefined, isProxy: IsProxy) {
  let name: string | undefined;
  let end = field === undefined ? 0 : String(field).length;
  const text = String(field);
  while (end > 0) {
    const start = text.lastIndexOf(",", end - 1) + 1;
    const address = parseAddress(withoutPort(text.slice(start, end).trim()));
    if (address === undefined) return name;
    name = nameOf(address);
    if (!isProxy(address)) return name;
    end = start - 1;
  }
  return name;
}

/** Some proxies append the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function withoutPort(text: string): string {
  const groups = /^(?:\[(?<v6>[^\]]*)\](?::[0-9]+)?|(?<v4>[0-9.]+):[0-9]+)$/u.exec(text)?.groups;
  return groups?.["v6"] ?? groups?.["v4"] ?? text;
}

/**
 * IPv4 in IPv6 form is IPv4 (RFC 4291 §2.5.5.2): a client has one bucket, whichever socket it came to. A zone (RFC 4007
 * §11) names an interface of this machine: link-local peers have one, with any character that a name may have.
 */
function parseAddress(text: string): Address | undefined {
  const zone = text.indexOf("%");
  const address = zone === -1 ? text : text.slice(0, zone);
  return isIP(address) === 0 || !ipaddr.isValid(address) ? undefined : ipaddr.process(address);
}

function parseNetwork(text: string): Network {
  if (text.includes("/")) return ipaddr.parseCIDR(text);
  const address = ipaddr.parse(text);
  return [address, address.kind() === "ipv4" ? 32 : 128];
}

/** A client has the last 64 bits of an IPv6 address to itself (RFC 4291 §2.5.1) and can change them at will. */
function nameOf(address: Address | undefined): string {
  if (address === undefined) return "unknown";
  if (address instanceof ipaddr.IPv4) return address.toString();
  return `${address.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(":")}::/64`;
}
