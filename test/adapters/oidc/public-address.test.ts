import { describe, expect, it } from "@jest/globals";
import type { LookupAddress } from "node:dns";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { openFetchJson } from "../../../src/adapters/oidc/fetch-json.ts";
import { IssuerFailure } from "../../../src/adapters/oidc/issuer-failure.ts";
import {
  hasPrivateLiteral,
  isPublicAddress,
  publicLookup,
  type LookupAll,
} from "../../../src/adapters/oidc/public-address.ts";
import { issuerSettings } from "../../support/issuer-settings.ts";

const PRIVATE = [
  "127.0.0.1",
  "127.255.255.254",
  "0.0.0.0",
  "0.1.2.3",
  "10.0.0.1",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.1.1",
  "100.64.0.1",
  "169.254.169.254",
  "192.0.0.1",
  "192.0.2.1",
  "198.18.0.1",
  "198.51.100.1",
  "203.0.113.1",
  "192.88.99.1",
  "224.0.0.1",
  "240.0.0.1",
  "255.255.255.255",
  "::",
  "::1",
  "::7f00:1",
  "::127.0.0.1",
  "fe80::1",
  "fe80::1%eth0",
  "fc00::1",
  "fd00:ec2::254",
  "fec0::1",
  "ff02::1",
  "::ffff:10.0.0.1",
  "::ffff:7f00:1",
  "::ffff:0:127.0.0.1",
  "64:ff9b::7f00:1",
  "64:ff9b::808:808",
  "64:ff9b:1::1",
  "2002:7f00:1::",
  "2001::1",
  "2001:db8::1",
  "100::1",
  "4000::1",
  "not an address",
  "",
  "0x7f000001",
  "2130706433",
  "127.1",
];
const PUBLIC = ["8.8.8.8", "1.1.1.1", "140.82.121.4", "2606:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8"];

const entry = (address: string): LookupAddress => ({ address, family: address.includes(":") ? 6 : 4 });

const answering =
  (...addresses: readonly string[]): LookupAll =>
  (_hostname, _options, callback) => {
    callback(null, addresses.map(entry));
  };

const resolve = (lookup: LookupAll, all: boolean): Promise<unknown> =>
  new Promise((done) => {
    publicLookup(lookup)("issuer.example", { all }, (error, address, family) => {
      done(error === null ? (all ? address : { address, family }) : "refused");
    });
  });

describe("isPublicAddress", () => {
  it.each(PRIVATE)("H05: says no to %j", (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
  it.each(PUBLIC)("says yes to %s", (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });
});

describe("hasPrivateLiteral", () => {
  it.each([
    "http://127.0.0.1/",
    "https://[::1]/",
    "https://[fe80::1]:8443/",
    "https://10.0.0.1/",
    "https://0x7f.1/",
    "https://2130706433/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://[::ffff:10.0.0.1]/",
    "https://169.254.169.254/x",
  ])("H07: finds the address in %s", (url) => {
    expect(hasPrivateLiteral(new URL(url))).toBe(true);
  });
  it.each(["https://issuer.example/", "https://8.8.8.8/", "https://[2606:4700::1111]/"])("finds none in %s", (url) => {
    expect(hasPrivateLiteral(new URL(url))).toBe(false);
  });
});

describe("publicLookup", () => {
  it("[H6] hands on exactly the addresses it vetted, in the form that was asked for", async () => {
    expect(await resolve(answering("8.8.8.8", "2606:4700::1111"), true)).toEqual([
      { address: "8.8.8.8", family: 4 },
      { address: "2606:4700::1111", family: 6 },
    ]);
    expect(await resolve(answering("8.8.8.8", "1.1.1.1"), false)).toEqual({ address: "8.8.8.8", family: 4 });
  });

  it.each(["10.0.0.1", "::1", "169.254.169.254", "::ffff:127.0.0.1"])(
    "[H6] refuses a name with %s among its addresses",
    async (address) => {
      for (const all of [true, false]) {
        expect(await resolve(answering(address), all)).toBe("refused");
        expect(await resolve(answering("8.8.8.8", address), all)).toBe("refused");
        expect(await resolve(answering(address, "8.8.8.8"), all)).toBe("refused");
      }
    },
  );

  it("refuses a name without address, and one that does not resolve", async () => {
    expect(await resolve(answering(), true)).toBe("refused");
    const failing: LookupAll = (_hostname, _options, callback) => {
      callback(new Error("ENOTFOUND"));
    };
    expect(await resolve(failing, true)).toBe("refused");
  });

  it("refuses a name that the system does not resolve", async () => {
    const unencodable = "a".repeat(64); // no name server is asked for a label of more than 63 octets
    for (const all of [true, false]) {
      const { promise, resolve: answered } = Promise.withResolvers<unknown>();
      publicLookup()(unencodable, { all }, answered);
      expect(await promise).toMatchObject({ syscall: "getaddrinfo" });
    }
  });
});

describe("openFetchJson", () => {
  it("H05–H07: does not connect to a private address, by name or literally, and does when the issuer may", async () => {
    let requests = 0;
    const server = createServer((_request, response) => {
      requests++;
      response.writeHead(200, { "content-type": "application/json; charset=utf-8", "cache-control": "max-age=7" });
      response.end("{}");
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const { port } = server.address() as AddressInfo;
    const settings = (allowPrivateNetwork: boolean) =>
      issuerSettings({ url: "http://issuer.example", allowInsecureHttp: true, allowPrivateNetwork });
    const bounds = { maxBytes: 10, signal: AbortSignal.timeout(5000) };
    const guarded = openFetchJson(settings(false), answering("127.0.0.1"));
    for (const host of ["issuer.example", "127.0.0.1", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]"]) {
      await expect(guarded.fetchJson(`http://${host}:${port}/`, bounds)).rejects.toThrow(IssuerFailure);
    }
    expect(requests).toBe(0);
    const trusted = openFetchJson(settings(true));
    expect(await trusted.fetchJson(`http://127.0.0.1:${port}/`, bounds)).toEqual({
      bytes: Buffer.from("{}"),
      maxAgeSeconds: 7,
    });
    await Promise.all([guarded.close(), trusted.close()]);
    await new Promise((closed) => server.close(closed));
  });
});
