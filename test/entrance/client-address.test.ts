import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { makeClientAddress, makePeerName } from "../../src/entrance/client-address.ts";
import type { Arrival } from "../../src/entrance/client-address.ts";

const from = (remoteAddress: string | undefined, forwarded?: string): Arrival => ({
  socket: { remoteAddress },
  headers: forwarded === undefined ? {} : { "x-forwarded-for": forwarded },
});

const PROXIES = ["10.0.0.0/8", "192.0.2.7", "fd00::/8"];

describe("the address of a client", () => {
  it.each([
    ["IPv4", "198.51.100.3", "198.51.100.3"],
    ["IPv4 in IPv6 form", "::ffff:198.51.100.3", "198.51.100.3"],
    ["IPv4 in hexadecimal IPv6 form", "::ffff:c633:6403", "198.51.100.3"],
    ["IPv6", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["another of its network", "2001:DB8:1:2:ffff::1", "2001:db8:1:2::/64"],
    ["the next network", "2001:db8:1:3::1", "2001:db8:1:3::/64"],
    ["IPv6 with a zone", "fe80::1%eth0", "fe80:0:0:0::/64"],
    ["IPv6 over a container's bridge", "fe80::1%br-0a1b", "fe80:0:0:0::/64"],
    ["IPv6 over a virtual network", "fe80::1%eth0.100", "fe80:0:0:0::/64"],
    ["IPv6 over an interface with an odd name", "fe80::1%a%b:c", "fe80:0:0:0::/64"],
    ["IPv4 in IPv6 form with a zone", "::ffff:198.51.100.3%br-0a1b", "198.51.100.3"],
    ["a zone of nothing", "%eth0", "unknown"],
    ["a socket without an address", "", "unknown"],
    ["a connection that is gone", undefined, "unknown"],
  ])("is the other end: %s", (_name, remote, expected) => {
    expect(makeClientAddress([])(from(remote))).toBe(expected);
  });

  it("[A24] is the other end, whatever X-Forwarded-For says, when that is no trusted proxy", () => {
    expect(makeClientAddress([])(from("198.51.100.3", "203.0.113.9"))).toBe("198.51.100.3");
    expect(makeClientAddress(PROXIES)(from("198.51.100.3", "203.0.113.9"))).toBe("198.51.100.3");
    expect(makeClientAddress(PROXIES)(from("192.0.2.8", "203.0.113.9"))).toBe("192.0.2.8");
  });

  it.each([
    ["one hop", "10.1.2.3", "203.0.113.9", "203.0.113.9"],
    ["one hop, IPv6 form of the proxy", "::ffff:10.1.2.3", "203.0.113.9", "203.0.113.9"],
    ["a single address as proxy", "192.0.2.7", "203.0.113.9", "203.0.113.9"],
    ["an IPv6 proxy", "fd00::1", "2001:db8:1:2::5", "2001:db8:1:2::/64"],
    ["two hops", "10.1.2.3", "203.0.113.9, 10.9.9.9", "203.0.113.9"],
    ["two hops of two families", "10.1.2.3", "203.0.113.9 ,fd12::1", "203.0.113.9"],
    ["what the client invented", "10.1.2.3", "1.1.1.1, 203.0.113.9", "203.0.113.9"],
    ["proxies that the client invented", "10.1.2.3", "1.1.1.1, 10.0.0.1, 203.0.113.9", "203.0.113.9"],
    ["a client inside", "10.1.2.3", "10.0.0.9, 10.0.0.8", "10.0.0.9"],
    ["IPv4 with port", "10.1.2.3", "203.0.113.9:50123", "203.0.113.9"],
    ["IPv6 with port", "10.1.2.3", "[2001:db8:1:2::5]:50123", "2001:db8:1:2::/64"],
    ["IPv6 in brackets", "10.1.2.3", "[2001:db8:1:2::5]", "2001:db8:1:2::/64"],
    ["IPv4 in IPv6 form", "10.1.2.3", "::ffff:203.0.113.9", "203.0.113.9"],
  ])("[A24] is what the last trusted proxy heard from: %s", (_name, remote, forwarded, expected) => {
    expect(makeClientAddress(PROXIES)(from(remote, forwarded))).toBe(expected);
  });

  it.each([
    ["no field", undefined, "10.1.2.3"],
    ["an empty field", "", "10.1.2.3"],
    ["an empty element", "203.0.113.9,", "10.1.2.3"],
    ["unknown", "unknown", "10.1.2.3"],
    ["a name", "client.example", "10.1.2.3"],
    ["decimal form", "3405803785", "10.1.2.3"],
    ["octal form", "0313.0.0161.011", "10.1.2.3"],
    ["a network", "203.0.113.0/24", "10.1.2.3"],
    ["garbage to the left of a proxy", "203.0.113.9, ????, 10.7.7.7", "10.7.7.7"],
    ["only commas", ",,,,", "10.1.2.3"],
  ])("[A24] is the nearest proxy when that does not tell an address: %s", (_name, forwarded, expected) => {
    expect(makeClientAddress(PROXIES)(from("10.1.2.3", forwarded))).toBe(expected);
  });

  it("is read anew for each request of a proxy's connection", () => {
    const clientAddress = makeClientAddress(PROXIES);
    const { socket } = from("10.1.2.3");
    const over = (forwarded: string): Arrival => ({ socket, headers: { "x-forwarded-for": forwarded } });
    expect([clientAddress(over("203.0.113.9")), clientAddress(over("203.0.113.10"))]).toEqual([
      "203.0.113.9",
      "203.0.113.10",
    ]);
  });
});

const mapped = (address: string): string => `::ffff:${address}`;
const compatible = (address: string): string => `::${address}`;
const zoned = (name: string): string => `%${name}`;
/** Whatever a kernel, or a proxy, may call an address: good ones of all forms, with and without a zone, and text. */
const addressText = fc.oneof(
  fc
    .tuple(
      fc.oneof(fc.ipV6(), fc.ipV4(), fc.ipV4Extended(), fc.ipV4().map(mapped), fc.ipV4().map(compatible)),
      fc.oneof(fc.constant(""), fc.string({ unit: "binary", maxLength: 15 }).map(zoned), fc.constant("%br-0a1b")),
    )
    .map(([address, zone]) => address + zone),
  fc.stringMatching(/^[0-9a-fx.:%[\]/, -]*$/u),
  fc.string({ unit: "binary" }),
);
const peerName = makePeerName([]);
const RUN = { seed: 20261122, numRuns: 2_000 };

describe("any address at all", () => {
  it("has a name that limits can count under", () => {
    const property = fc.property(fc.option(addressText, { nil: undefined }), (text) => {
      const name = peerName(text);
      expect(name).toMatch(/^(?:unknown|[0-9.]{7,15}|[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){3}::\/64)$/u);
      expect(makeClientAddress(PROXIES)(from(text))).toBe(name);
      expect([name, undefined]).toContain(makePeerName(PROXIES)(text));
    });
    fc.assert(property, RUN);
  });

  it("is one client, over whichever interface it comes", () => {
    const property = fc.property(fc.ipV6(), fc.string({ unit: "binary" }), (address, zone) => {
      expect(peerName(`${address}%${zone}`)).toBe(peerName(address));
      expect(peerName(address)).not.toBe("unknown");
    });
    fc.assert(property, RUN);
  });

  it("may stand in X-Forwarded-For", () => {
    const property = fc.property(fc.array(addressText), (elements) => {
      expect(makeClientAddress(PROXIES)(from("10.1.2.3", elements.join(", ")))).toMatch(/^[0-9a-f.:]+(?:\/64)?$/u);
    });
    fc.assert(property, RUN);
  });
});
