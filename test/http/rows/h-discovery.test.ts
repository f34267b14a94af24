import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpsServer } from "node:https";
import type { ServerOptions } from "node:https";
import { createServer as createTcpServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { once } from "node:events";
import { connect as connectTls } from "node:tls";
import type { ConnectionOptions } from "node:tls";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { openFetchJson } from "../../../src/adapters/oidc/fetch-json.ts";
import type { IssuerSettings } from "../../../src/adapters/oidc/issuer-settings.ts";
import type { LookupAll } from "../../../src/adapters/oidc/public-address.ts";
import type { Reason } from "../../../src/core/errors.ts";
import { json, LocalIssuer } from "../../adapters/oidc/local-issuer.ts";
import type { Handler } from "../../adapters/oidc/local-issuer.ts";
import { EMAIL_ISSUER, openDoor } from "../../support/door.ts";
import { badToken, reasonIn, TEXT } from "../../support/refusal.ts";
import type { Answer, Door, DoorOptions } from "../../support/door.ts";
import type { Refusal } from "../../support/refusal.ts";
import { issuerSettings } from "../../support/issuer-settings.ts";
import { openssl } from "../../support/openssl.ts";
import { makeTestTlsPair } from "../../support/tls-pair.ts";
import { signToken } from "../../support/tokens.ts";

const opened: { close: () => Promise<void> }[] = [];
afterEach(async () => {
  for (const part of opened.splice(0).reverse()) await part.close();
});

const down = (reason: Reason): Refusal => ({ status: 503, code: 14, message: TEXT.issuer, reason });

async function open(options: DoorOptions): Promise<Door> {
  const door = await openDoor(options);
  opened.push(door);
  return door;
}

async function startIssuer(): Promise<LocalIssuer> {
  const issuer = await LocalIssuer.start();
  opened.push(issuer);
  return issuer;
}

/** A door whose one issuer is a server on loopback, which serves the door's key. */
async function doorTo(
  issuer: LocalIssuer,
  settings: Partial<IssuerSettings> = {},
  verifier: DoorOptions["verifier"] = {},
): Promise<Door> {
  const door = await open({ issuers: [issuer.settings(settings)], verifier });
  issuer.jwks = json({ keys: [door.key.jwk] });
  return door;
}

/** A token for an hour from now, however far a test has moved the clock. */
const longToken = (door: Door, iss: string): string =>
  signToken(door.key, door.claims({ iss, exp: door.clock.now() / 1000 + 3600 }));

const signFor = (door: Door, iss: string): Promise<Answer> => door.sign({ token: longToken(door, iss) });

/** A way to the network on which discovery is what the test says, and everything else the answer of `rest`. */
function documents(discovery: () => unknown, rest: (url: string) => Promise<{ bytes: Uint8Array }>) {
  const fetched: string[] = [];
  const openFetch: NonNullable<NonNullable<DoorOptions["verifier"]>["openFetch"]> = () => ({
    fetchJson: (url) => {
      fetched.push(url);
      if (!url.endsWith("/.well-known/openid-configuration")) return rest(url);
      const document = discovery();
      return Promise.resolve({
        bytes: Buffer.from(typeof document === "string" ? document : JSON.stringify(document)),
      });
    },
    close: () => Promise.resolve(),
  });
  return { openFetch, fetched };
}

describe("a discovery document that is not what it should be", () => {
  const GOOD = {
    issuer: EMAIL_ISSUER,
    jwks_uri: `${EMAIL_ISSUER}/jwks`,
    id_token_signing_alg_values_supported: ["ES256"],
  };

  /** Refuses for such a document, fetches nothing else, remembers it for a minute, and serves once it is mended. */
  async function refusesAndRecovers(bad: unknown): Promise<void> {
    let document = bad;
    const keys: { bytes: Uint8Array } = { bytes: new Uint8Array(0) };
    const { openFetch, fetched } = documents(
      () => document,
      () => Promise.resolve(keys),
    );
    const door = await open({ verifier: { openFetch } });
    keys.bytes = Buffer.from(JSON.stringify({ keys: [door.key.jwk] }));
    for (let call = 0; call < 3; call++) {
      const answer = await door.sign();
      door.expectRefused(answer, down("DISCOVERY_FAILED"));
      expect(answer.headers["retry-after"]).toBe("60");
    }
    expect(fetched).toEqual([`${EMAIL_ISSUER}/.well-known/openid-configuration`]);
    document = GOOD;
    door.clock.advance(60_000);
    door.expectIssued(await door.sign());
  }

  it.each([
    `${EMAIL_ISSUER}/`,
    "https://ISSUER.example.com",
    `${EMAIL_ISSUER}/other-tenant`,
    `${EMAIL_ISSUER}:443`,
    "http://issuer.example.com",
    "",
    undefined,
    null,
    [EMAIL_ISSUER],
  ])("[H1] is refused as issuer %j's", (issuer) => refusesAndRecovers({ ...GOOD, issuer }));

  it.each([
    undefined,
    null,
    1,
    "",
    "/keys",
    "keys",
    "//issuer.example.com/keys",
    "http://issuer.example.com/keys",
    "file:///etc/passwd",
    "data:application/json,{}",
    "gopher://issuer.example.com/",
    "https://user@issuer.example.com/keys",
    "https://user:secret@issuer.example.com/keys",
    "https://issuer.example.com/keys#fragment",
    "https://issuer.example.com:8443/keys",
    "https://issuer.example.com:/keys",
    "https://issuer.example.com\\@evil.example/keys",
    "https://issuer.example.com/ke ys",
    "https://issuer.example.com/keys\n",
    "HTTPS://issuer.example.com/keys",
    "https://issuér.example.com/keys",
  ])("[H2] is refused with jwks_uri %j", (jwks_uri) => refusesAndRecovers({ ...GOOD, jwks_uri }));

  it("[H3] may name keys on another host, as its issuer is a configured one", async () => {
    const keys: { bytes: Uint8Array } = { bytes: new Uint8Array(0) };
    const jwks_uri = "https://keys.example.net/set?v=1";
    const { openFetch, fetched } = documents(
      () => ({ ...GOOD, jwks_uri }),
      () => Promise.resolve(keys),
    );
    const door = await open({ verifier: { openFetch } });
    keys.bytes = Buffer.from(JSON.stringify({ keys: [door.key.jwk] }));
    door.expectIssued(await door.sign());
    expect(fetched.at(-1)).toBe(jwks_uri);
  });

  it.each([
    ["a member twice", `${JSON.stringify(GOOD).slice(0, -1)},"issuer":"${EMAIL_ISSUER}"}`],
    ["a member twice, once escaped", `${JSON.stringify(GOOD).slice(0, -1)},"\\u0069ssuer":"${EMAIL_ISSUER}"}`],
    ["a member twice within another", `${JSON.stringify(GOOD).slice(0, -1)},"x":{"y":1,"y":2}}`],
    ["no object", "[]"],
    ["nothing", ""],
  ])("[H14] is refused with %s", (_name, text) => refusesAndRecovers(text));

  it("[H14] may announce none and HS256, which count for nothing", async () => {
    const keys: { bytes: Uint8Array } = { bytes: new Uint8Array(0) };
    const { openFetch } = documents(
      () => ({ ...GOOD, id_token_signing_alg_values_supported: ["none", "HS256", "ES256", 1, null] }),
      () => Promise.resolve(keys),
    );
    const door = await open({ verifier: { openFetch } });
    keys.bytes = Buffer.from(JSON.stringify({ keys: [door.key.jwk] }));
    door.expectIssued(await door.sign());
    for (const alg of ["none", "HS256"]) {
      door.expectRefused(await door.sign({ token: door.token({}, { alg }) }), badToken("TOKEN_ALGORITHM"));
    }
  });
});

describe("an answer of an issuer that is no document", () => {
  const BOTH = ["discovery", "jwks"] as const;
  const reasonFor = (which: (typeof BOTH)[number]): Reason => (which === "jwks" ? "JWKS_FAILED" : "DISCOVERY_FAILED");

  describe.each(BOTH)("[H4] [FC135] [FC136] a redirect of %s", (which) => {
    it.each([301, 302, 303, 307, 308])("with status %d is not followed", async (status) => {
      const [issuer, target] = [await startIssuer(), await startIssuer()];
      const door = await doorTo(issuer);
      target.discovery = json(issuer.document());
      target.jwks = issuer.jwks;
      const locations = [
        `${target.url}/jwks`,
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        issuer.url,
      ];
      for (const location of locations) {
        issuer[which] = (_request, response) => {
          response.writeHead(status, { location }).end();
        };
        door.expectRefused(await signFor(door, issuer.url), down(reasonFor(which)));
        door.clock.advance(600_000);
      }
      expect(target.fetches).toEqual({ discovery: 0, jwks: 0 });
      expect(issuer.fetches[which]).toBe(locations.length);
    });
  });

  const endless: Handler = (_request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    const more = (): void => {
      while (!response.destroyed && response.write(" ".repeat(65_536)));
    };
    response.on("drain", more);
    more();
  };
  const drip: Handler = (_request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    const timer = setInterval(() => response.write(" "), 5);
    response.once("close", () => {
      clearInterval(timer);
    });
  };
  const silent: Handler = () => undefined;

  /** Good, but for one byte more than there may be. */
  const GREATEST = { discovery: 65_536, jwks: 131_072 };

  describe.each(BOTH)("[H8] %s", (which) => {
    it("that comes a byte too long is given up, and taken without that byte", async () => {
      const issuer = await startIssuer();
      const door = await doorTo(issuer);
      const document = JSON.stringify(which === "jwks" ? { keys: [door.key.jwk] } : issuer.document());
      issuer[which] = json(document.padEnd(GREATEST[which] + 1));
      door.expectRefused(await signFor(door, issuer.url), down(reasonFor(which)));
      issuer[which] = json(document.padEnd(GREATEST[which]));
      door.clock.advance(60_000);
      door.expectIssued(await signFor(door, issuer.url));
    });

    it.each<[string, Handler]>([
      ["too long", json(`{"padding":"${"x".repeat(131_072)}"}`)],
      ["endless", endless],
      ["a byte at a time", drip],
      ["never", silent],
      ["inflated to 16 MiB", json(gzipSync(Buffer.alloc(1 << 24, 0x20)), { "content-encoding": "gzip" })],
      ["a login page", json("<!doctype html><title>Sign in</title>", { "content-type": "text/html" })],
      ["plain text", json("{}", { "content-type": "text/plain" })],
      ["of no type", json("{}", { "content-type": "" })],
      [
        "cut off",
        (_request, response) => {
          response.writeHead(200, { "content-type": "application/json", "content-length": "100" });
          response.write("{", () => response.destroy());
        },
      ],
    ])("that comes %s is given up", async (_name, handler) => {
      const issuer = await startIssuer();
      // Only what never ends is waited for; the good documents come within the same deadline, on a busy machine too.
      const door = await doorTo(issuer, {}, handler === drip || handler === silent ? { fetchDeadlineMs: 750 } : {});
      const good = issuer[which];
      let closed = 0;
      issuer[which] = (request, response) => {
        response.once("close", () => closed++);
        handler(request, response);
      };
      door.expectRefused(await signFor(door, issuer.url), down(reasonFor(which)));
      while (closed === 0) await new Promise(setImmediate);
      issuer[which] = good;
      door.clock.advance(60_000);
      door.expectIssued(await signFor(door, issuer.url));
    });
  });

  it.each([
    [204, 60],
    [206, 60],
    [304, 60],
    [401, 60],
    [403, 60],
    [404, 60],
    [429, 10],
    [500, 10],
    [502, 10],
    [503, 10],
  ])("[H9] status %d is a failure, asked again after %d s and then later and later", async (status, seconds) => {
    const issuer = await startIssuer();
    const door = await doorTo(issuer);
    issuer.discovery = (_request, response) => {
      response.writeHead(status, { "content-type": "application/json", "retry-after": "1" });
      response.end(status === 204 || status === 304 ? undefined : JSON.stringify(issuer.document()));
    };
    for (const [attempt, wait] of [seconds, seconds * 2, seconds * 4].entries()) {
      const answer = await signFor(door, issuer.url);
      door.expectRefused(answer, down("DISCOVERY_FAILED"));
      expect(answer.headers["retry-after"]).toBe(String(wait));
      door.clock.advance(wait * 1000 - 1);
      door.expectRefused(await signFor(door, issuer.url), down("DISCOVERY_FAILED"));
      expect(issuer.fetches.discovery).toBe(attempt + 1);
      door.clock.advance(1);
    }
    issuer.discovery = json(issuer.document());
    door.expectIssued(await signFor(door, issuer.url));
  });
});

describe("where an issuer's documents are", () => {
  /** A listener on loopback that nobody may reach, and how often somebody did. */
  let port = 0;
  let connections = 0;
  const listener = createTcpServer((socket) => {
    connections++;
    socket.destroy();
  });
  beforeAll(async () => {
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    ({ port } = listener.address() as AddressInfo);
  });
  afterAll(() => {
    listener.close();
  });
  beforeEach(() => {
    connections = 0;
  });

  /** A call for an issuer whose name resolves to these addresses. */
  async function resolvedTo(...addresses: readonly string[]): Promise<void> {
    const lookup: LookupAll = (_host, _options, callback) => {
      callback(
        null,
        addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
      );
    };
    const url = `https://issuer.example.com:${port}`;
    const door = await open({
      issuers: [issuerSettings({ url })],
      verifier: { openFetch: (settings) => openFetchJson(settings, lookup) },
    });
    door.expectRefused(await signFor(door, url), down("DISCOVERY_FAILED"));
    expect(connections).toBe(0);
  }

  it.each([
    ["loopback", "127.0.0.1"],
    ["loopback elsewhere", "127.8.9.10"],
    ["RFC 1918", "10.0.0.1"],
    ["RFC 1918", "172.31.255.255"],
    ["RFC 1918", "192.168.1.1"],
    ["CGNAT", "100.64.0.1"],
    ["link-local", "169.254.169.254"],
    ["multicast", "224.0.0.1"],
    ["broadcast", "255.255.255.255"],
    ["unspecified", "0.0.0.0"],
    ["IPv6 loopback", "::1"],
    ["IPv6 unspecified", "::"],
    ["IPv6 link-local", "fe80::1"],
    ["ULA", "fd00::1"],
    ["IPv6 multicast", "ff02::1"],
    ["v4-mapped", "::ffff:127.0.0.1"],
    ["v4-compatible", "::127.0.0.1"],
    ["NAT64", "64:ff9b::7f00:1"],
    ["6to4", "2002:7f00:1::1"],
    ["Teredo", "2001:0:7f00:1::1"],
  ])("[H5] is not an address that is %s: %s", (_name, address) => resolvedTo(address));

  it("[H5] may be such an address where the issuer is told so", async () => {
    const issuer = await startIssuer();
    const door = await doorTo(issuer, { allowPrivateNetwork: true });
    door.expectIssued(await signFor(door, issuer.url));
  });

  it.each([
    ["first", ["127.0.0.1", "192.0.0.9"]],
    ["last", ["1.1.1.1", "10.0.0.1"]],
    ["as IPv6", ["1.1.1.1", "::1"]],
  ])("[H6] is nowhere when one address of several is private: %s", (_name, addresses) => resolvedTo(...addresses));

  it.each([
    "127.0.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "127.1",
    "0",
    "10.1",
    "169.254.169.254",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[fd00::1]",
    "[64:ff9b::7f00:1]",
  ])("[H7] is no such address by a literal: https://%s", async (host) => {
    const issuer = issuerSettings({ url: `https://issuer.example.com:${port}` });
    const real = openFetchJson(issuer);
    const { openFetch, fetched } = documents(
      () => ({ issuer: issuer.url, jwks_uri: `https://${host}:${port}/keys` }),
      (url) => real.fetchJson(url, { maxBytes: 1000, signal: AbortSignal.timeout(5000) }),
    );
    const door = await open({ issuers: [issuer], verifier: { openFetch } });
    door.expectRefused(await signFor(door, issuer.url), down("JWKS_FAILED"));
    expect(fetched).toHaveLength(2);
    expect(connections).toBe(0);
    await real.close();
  });
});

describe("the TLS of an issuer", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "mayfly-issuer-tls-"));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  /** A self-signed certificate for a name, and how long it lives. */
  function makePair(name: string, days: number): { certificate: string; key: string } {
    const file = (suffix: string): string => join(folder, `${name}${days}.${suffix}`);
    openssl(["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", file("key")]);
    openssl(["req", "-new", "-key", file("key"), "-subj", `/CN=${name}`, "-out", file("csr")]);
    writeFileSync(file("ext"), `subjectAltName=DNS:${name}\nbasicConstraints=critical,CA:TRUE\n`);
    const signing = ["-signkey", file("key"), "-days", String(days), "-extfile", file("ext"), "-out", file("crt")];
    openssl(["x509", "-req", "-in", file("csr"), ...signing]);
    return { certificate: readFileSync(file("crt"), "utf8"), key: readFileSync(file("key"), "utf8") };
  }

  /** An issuer over HTTPS on loopback; `serve` sets its key. */
  async function startHttps(options: ServerOptions) {
    let keys: readonly object[] = [];
    const server = createHttpsServer(options, (request, response) => {
      const document = { issuer: url, jwks_uri: `${url}/jwks`, id_token_signing_alg_values_supported: ["ES256"] };
      json(request.url === "/jwks" ? { keys } : document)(request, response);
    });
    server.on("tlsClientError", () => undefined);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const url = `https://localhost:${port}`;
    opened.push({
      close: async () => {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    });
    return { url, port, serve: (...served: readonly object[]) => (keys = served) };
  }

  const settingsOf = (url: string, ca: string | undefined): IssuerSettings =>
    issuerSettings({ url, allowPrivateNetwork: true, ...(ca === undefined ? {} : { caCertificatePem: ca }) });

  /** What Node's own client finds wrong, so that each server is wrong in the way it is meant to be. */
  function faultOf(port: number, options: ConnectionOptions): Promise<string | undefined> {
    return new Promise((resolve) => {
      const socket = connectTls({ host: "127.0.0.1", port, servername: "localhost", ...options });
      socket.on("secureConnect", () => {
        socket.destroy();
        resolve(undefined);
      });
      socket.on("error", (error: NodeJS.ErrnoException) => {
        resolve(error.code);
      });
    });
  }

  type Pair = { certificate: string; key: string };
  it.each<[string, () => Pair & { ca?: string }, ServerOptions, string]>([
    ["has expired", () => withCa(makePair("localhost", -1)), {}, "CERT_HAS_EXPIRED"],
    ["is for another name", () => withCa(makePair("other.example", 1)), {}, "ERR_TLS_CERT_ALTNAME_INVALID"],
    ["is self-signed", () => makeTestTlsPair(folder, "self"), {}, "DEPTH_ZERO_SELF_SIGNED_CERT"],
    [
      "is by another CA than the issuer's",
      () => ({ ...makeTestTlsPair(folder, "mine"), ca: makeTestTlsPair(folder, "another").certificate }),
      {},
      "DEPTH_ZERO_SELF_SIGNED_CERT",
    ],
    [
      "is good, over TLS 1.1",
      () => withCa(makeTestTlsPair(folder, "old")),
      { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" },
      "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION",
    ],
  ])("[H10] is refused when its certificate %s", async (_name, makeServerPair, options, fault) => {
    const { certificate, key, ca } = makeServerPair();
    const issuer = await startHttps({ cert: certificate, key, ...options });
    expect(await faultOf(issuer.port, ca === undefined ? {} : { ca })).toBe(fault);
    const door = await open({ issuers: [settingsOf(issuer.url, ca)] });
    issuer.serve(door.key.jwk);
    door.expectRefused(await signFor(door, issuer.url), down("DISCOVERY_FAILED"));
  });

  const withCa = (pair: Pair): Pair & { ca: string } => ({ ...pair, ca: pair.certificate });

  it("[H10] is trusted by a certificate of its own for itself alone", async () => {
    const pair = makeTestTlsPair(folder, "two");
    const [mine, other] = [
      await startHttps({ cert: pair.certificate, key: pair.key }),
      await startHttps({ cert: pair.certificate, key: pair.key }),
    ];
    const door = await open({ issuers: [settingsOf(mine.url, pair.certificate), settingsOf(other.url, undefined)] });
    mine.serve(door.key.jwk);
    other.serve(door.key.jwk);
    door.expectRefused(await signFor(door, other.url), down("DISCOVERY_FAILED"));
    door.expectIssued(await signFor(door, mine.url));
    door.clock.advance(60_000);
    door.expectRefused(await signFor(door, other.url), down("DISCOVERY_FAILED"));
  });
});

describe("many callers of one issuer", () => {
  it("[H11] have each document fetched once for 1,000 first requests; who cannot wait is told to come again", async () => {
    const issuer = await startIssuer();
    const door = await doorTo(issuer);
    const token = door.token({ iss: issuer.url });
    const answers = await Promise.all(Array.from({ length: 1_000 }, () => door.sign({ token })));
    expect(issuer.fetches).toEqual({ discovery: 1, jwks: 1 });
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused.filter(({ status, headers }) => status !== 503 || headers["retry-after"] === undefined)).toEqual([]);
    const { signatures, entries } = door.used;
    expect({ signatures, entries }).toEqual({
      signatures: 2 * (1_000 - refused.length),
      entries: 1_000 - refused.length,
    });
    expect(entries).toBeGreaterThanOrEqual(256);
  });

  it("[H12] are served while another issuer is down, which is asked once in each wait", async () => {
    const [healthy, failing] = [await startIssuer(), await startIssuer()];
    const door = await open({ issuers: [healthy.settings(), failing.settings()] });
    healthy.jwks = json({ keys: [door.key.jwk] });
    failing.discovery = (_request, response) => {
      response.writeHead(503).end();
    };
    const attempts: number[] = [];
    for (let second = 0; second < 600; second += 5) {
      const before = failing.fetches.discovery;
      const crowd = await Promise.all(Array.from({ length: 5 }, () => signFor(door, failing.url)));
      expect(new Set(crowd.map(({ status, text }) => `${status} ${String(reasonIn(text))}`))).toEqual(
        new Set(["503 DISCOVERY_FAILED"]),
      );
      if (failing.fetches.discovery > before) attempts.push(second);
      door.expectIssued(await signFor(door, healthy.url));
      door.clock.advance(5_000);
    }
    expect(attempts).toEqual([0, 10, 30, 70, 150, 310]);
    expect(failing.fetches.discovery).toBe(attempts.length);
  });
});
