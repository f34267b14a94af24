import { afterEach, describe, expect, it } from "@jest/globals";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { IssuerFailure } from "../../../src/adapters/oidc/issuer-failure.ts";
import { openFetchJson } from "../../../src/adapters/oidc/fetch-json.ts";
import type { IssuerSettings } from "../../../src/adapters/oidc/issuer-settings.ts";
import { PATTERN_LIMITS } from "../../../src/adapters/oidc/pattern-issuers.ts";
import type { Reason } from "../../../src/core/errors.ts";
import { EMAIL_ISSUER, NOW, openDoor } from "../../support/door.ts";
import type { Answer, Door, DoorOptions } from "../../support/door.ts";
import { issuerSettings } from "../../support/issuer-settings.ts";
import { badToken, TEXT } from "../../support/refusal.ts";
import type { Refusal } from "../../support/refusal.ts";
import { signToken } from "../../support/tokens.ts";

const EKS = "https://oidc.eks.*.amazonaws.com/id/*";
const CLUSTER = "https://oidc.eks.us-west-2.amazonaws.com/id/B02C93B6A2D30341";
const KUBERNETES = "https://kubernetes.*.*";

const opened: { close: () => Promise<void> }[] = [];
afterEach(async () => {
  for (const part of opened.splice(0).reverse()) await part.close();
});

const down = (reason: Reason): Refusal => ({ status: 503, code: 14, message: TEXT.issuer, reason });

/** Settings of a pattern, as the configuration makes them. */
const patternSettings = (pattern: string, changes: Partial<IssuerSettings> = {}): IssuerSettings =>
  issuerSettings({ url: pattern, pattern, ...changes });

/** What an issuer answers instead of its documents; a function may fail or never answer. */
type Document = (url: string, kind: "discovery" | "jwks") => unknown;

/** A door whose issuers have documents in memory, which a test can change; every fetch is counted. */
async function open(
  issuers: readonly IssuerSettings[],
  { document, ...verifier }: NonNullable<DoorOptions["verifier"]> & { readonly document?: Document } = {},
): Promise<{ door: Door; fetched: string[]; seen: IssuerSettings[] }> {
  const fetched: string[] = [];
  const seen: IssuerSettings[] = [];
  const jwks: { keys: unknown[] } = { keys: [] };
  const good: Document = (url, kind) =>
    kind === "jwks"
      ? jwks
      : { issuer: url, jwks_uri: `${url.replace(/\/$/u, "")}/jwks`, id_token_signing_alg_values_supported: ["ES256"] };
  const door = await openDoor({
    issuers,
    verifier: {
      openFetch: (settings) => {
        seen.push(settings);
        return {
          fetchJson: async (target) => {
            fetched.push(target);
            const kind = target.endsWith("/.well-known/openid-configuration") ? "discovery" : "jwks";
            const answer = (await document?.(settings.url, kind)) ?? good(settings.url, kind);
            return { bytes: Buffer.from(JSON.stringify(answer)) };
          },
          close: () => Promise.resolve(),
        };
      },
      ...verifier,
    },
  });
  opened.push(door);
  jwks.keys.push(door.key.jwk);
  return { door, fetched, seen };
}

/** A server on loopback that says the same to everybody, or nothing. */
async function listen(answer = ""): Promise<{ port: number; connections: Socket[] }> {
  const connections: Socket[] = [];
  const server = createServer((socket) => {
    connections.push(socket);
    socket.on("error", () => undefined);
    if (answer !== "") socket.write(answer);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  opened.push({
    close: async () => {
      for (const socket of connections) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  return { port: (server.address() as AddressInfo).port, connections };
}

const tokenOf = (door: Door, iss: string, changes: object = {}): string =>
  signToken(door.key, door.claims({ iss, exp: door.clock.now() / 1000 + 3600, ...changes }));
const signFor = (door: Door, iss: string, changes: object = {}): Promise<Answer> =>
  door.sign({ token: tokenOf(door, iss, changes) });

describe("an issuer that only a wildcard names", () => {
  it("has its tokens taken, and is asked for its keys once", async () => {
    const { door, fetched } = await open([patternSettings(EKS)]);
    door.expectIssued(await signFor(door, CLUSTER));
    door.expectIssued(await signFor(door, CLUSTER));
    expect(fetched).toEqual([`${CLUSTER}/.well-known/openid-configuration`, `${CLUSTER}/jwks`]);
    expect(door.audit.records.at(-1)).toMatchObject({ issuer: CLUSTER, pattern: EKS, audience: "sigstore" });
  });

  it.each([
    ["[J1]", `http://localhost?x=${CLUSTER}`],
    ["[J1]", `https://localhost?x=${CLUSTER}`],
    ["[J1]", `http://localhost/${CLUSTER}`],
    ["[J1]", `https://localhost/${CLUSTER}`],
    ["[J2]", "https://oidc.eks.us.west.2.amazonaws.com/id/A"],
    ["[J2]", "https://oidc.eks.us-west/2.amazonaws.com/id/A"],
    ["[J2]", "https://oidc.eks..amazonaws.com/id/A"],
    ["[J2]", "https://oidc.eks.us-west-2.amazonaws.com/id/"],
    ["[J2]", "https://oidc.eks.us-west-2.amazonaws.com/id/A/B"],
    ["[J2]", "https://oidc.eks.us-west-2.amazonaws.com/id/A.B"],
    ["[J3]", `${CLUSTER}.evil.com`],
    ["[J3] [J9]", `${CLUSTER}/`],
    ["[J3]", `${CLUSTER}#x`],
    ["[J3]", `${CLUSTER}?x`],
    ["[J3]", `${CLUSTER}\n`],
    ["[J3]", ` ${CLUSTER}`],
    ["[J3]", `evil.com/${CLUSTER}`],
    ["[J3]", `https://evil.com@oidc.eks.us-west-2.amazonaws.com/id/A`],
    ["[J3]", "https://oidc.eks.us-west-2.amazonaws.com.evil.com/id/A"],
    ["[J3]", "https://oidc.eks.us-west-2.amazonaws.com:443/id/A"],
    ["[J3]", "HTTPS://oidc.eks.us-west-2.amazonaws.com/id/A"],
    ["[J4]", "https://oidc.eks.us%2ewest.amazonaws.com/id/A"],
    ["[J4]", "https://oidc.eks.us-west-2.amazonaws.com/id/%2e%2e"],
    ["[J4]", "https://oidc.eks.a@b.amazonaws.com/id/A"],
    ["[J4]", "https://oidc.eks.a:b.amazonaws.com/id/A"],
    ["[J4]", "https://oidc.eks.us-west-2.amazonaws.com/id/é"],
    ["[J4]", "https://oidc.e\u212as.us-west-2.amazonaws.com/id/A"],
    ["[J4]", "https://oidc.eks.\u212a.amazonaws.com/id/A"],
    ["[J5]", "https://oidcxeks.us-west-2.amazonaws.com/id/A"],
    ["[J5]", "https://oidc.eks.us-west-2xamazonaws.com/id/A"],
    ["a label that is no name", "https://oidc.eks._.amazonaws.com/id/A"],
    ["a label that is no name", "https://oidc.eks.-a.amazonaws.com/id/A"],
  ])("%s is none for %j, and nothing is asked", async (_row, iss) => {
    const { door, fetched } = await open([patternSettings(EKS)]);
    door.expectRefused(await signFor(door, iss), badToken("ISSUER_UNKNOWN"));
    expect(fetched).toEqual([]);
  });

  it("[J5] has metacharacters of the pattern as they stand there", async () => {
    const pattern = "https://ci.example.com/a.b+(c)$/*";
    const { door } = await open([patternSettings(pattern)]);
    door.expectIssued(await signFor(door, "https://ci.example.com/a.b+(c)$/x"));
    door.expectRefused(await signFor(door, "https://ci.example.com/axb+(c)$/x"), badToken("ISSUER_UNKNOWN"));
    door.expectRefused(await signFor(door, "https://ci.example.com/a.bb(c)$/x"), badToken("ISSUER_UNKNOWN"));
  });

  it("[J9] is another one with a slash at its end", async () => {
    const { door } = await open([patternSettings(`${EKS}/`)]);
    door.expectIssued(await signFor(door, `${CLUSTER}/`));
    door.expectRefused(await signFor(door, CLUSTER), badToken("ISSUER_UNKNOWN"));
  });

  it.each([
    ["before", 0],
    ["behind", 1],
  ])("[J6] is never taken for one that the configuration names, %s the pattern", async (_where, at) => {
    const exact = issuerSettings({ url: CLUSTER, audience: "exact" });
    const issuers = at === 0 ? [exact, patternSettings(EKS)] : [patternSettings(EKS), exact];
    const { door } = await open(issuers);
    door.expectIssued(await signFor(door, CLUSTER, { aud: "exact" }));
    expect(door.audit.records.at(-1)).not.toHaveProperty("pattern");
    door.expectRefused(await signFor(door, CLUSTER, { aud: "sigstore" }), badToken("WRONG_AUDIENCE"));
  });

  it("[J13] has every option of the pattern", async () => {
    const settings = patternSettings(EKS, {
      audience: "ours",
      identity: { kind: "email", emailTrust: "unverified" },
      requireKeyProof: true,
      caCertificatePem: "the pattern's own",
    });
    const { door, seen } = await open([settings]);
    door.expectIssued(await signFor(door, CLUSTER, { aud: "ours", email_verified: false }));
    expect(seen).toEqual([{ ...settings, url: CLUSTER, pattern: EKS }]);
    door.expectRefused(await signFor(door, CLUSTER, { aud: "sigstore" }), badToken("WRONG_AUDIENCE"));
  });

  it("is asked for nothing by a token that is wrong in itself", async () => {
    const { door, fetched } = await open([patternSettings(EKS)]);
    door.expectRefused(await signFor(door, CLUSTER, { aud: "x" }), badToken("WRONG_AUDIENCE"));
    door.expectRefused(await signFor(door, CLUSTER, { exp: NOW - 1, iat: NOW - 2 }), badToken("TOKEN_EXPIRED"));
    expect(fetched).toEqual([]);
  });
});

describe("what an issuer that a wildcard matched answers", () => {
  const answering = (changes: object) => (url: string, kind: string) =>
    kind === "jwks" ? undefined : { issuer: url, jwks_uri: `${url}/jwks`, ...changes };

  it.each([`${CLUSTER}/`, "https://oidc.eks.us-west-2.amazonaws.com/id/other", "http://a.example", "", null, 1])(
    "[H1b] as issuer %j: refused as its token's fault, and remembered",
    async (issuer) => {
      const { door, fetched } = await open([patternSettings(EKS)], { document: answering({ issuer }) });
      for (let call = 0; call < 3; call++) {
        door.expectRefused(await signFor(door, CLUSTER), badToken("ISSUER_INVALID"));
      }
      expect(fetched).toHaveLength(1);
    },
  );

  it.each([
    null,
    "",
    "/keys",
    "//oidc.eks.us-west-2.amazonaws.com/keys",
    "http://oidc.eks.us-west-2.amazonaws.com/keys",
    "file:///etc/passwd",
    "https://user@oidc.eks.us-west-2.amazonaws.com/keys",
    "https://oidc.eks.us-west-2.amazonaws.com/keys#x",
    "https://oidc.eks.us-west-2.amazonaws.com:8443/keys",
  ])("[H2b] with jwks_uri %j: refused as its token's fault, and remembered", async (jwks_uri) => {
    const { door, fetched } = await open([patternSettings(EKS)], { document: answering({ jwks_uri }) });
    door.expectRefused(await signFor(door, CLUSTER), badToken("ISSUER_INVALID"));
    door.expectRefused(await signFor(door, CLUSTER), badToken("ISSUER_INVALID"));
    expect(fetched).toHaveLength(1);
  });

  it.each([
    "https://keys.example.net/set",
    "https://oidc.eks.eu-west-1.amazonaws.com/id/A/jwks",
    "https://OIDC.eks.us-west-2.amazonaws.com/jwks",
    "https://127.0.0.1/jwks",
  ])("[H3b] with keys on another host, %s: refused, and that host is not asked", async (jwks_uri) => {
    const { door, fetched } = await open([patternSettings(EKS)], { document: answering({ jwks_uri }) });
    door.expectRefused(await signFor(door, CLUSTER), badToken("ISSUER_INVALID"));
    expect(fetched).toEqual([`${CLUSTER}/.well-known/openid-configuration`]);
  });

  it("[H3b] with keys on a host that its entry's jwksHosts name: taken, and on no other", async () => {
    const jwksHosts = ["keys.example.net"];
    const hosts = ["keys.example.net", "keys.example.org"];
    for (const host of hosts) {
      const { door } = await open([patternSettings(EKS, { jwksHosts })], {
        document: answering({ jwks_uri: `https://${host}/jwks`, id_token_signing_alg_values_supported: ["ES256"] }),
      });
      if (host === hosts[0]) door.expectIssued(await signFor(door, CLUSTER));
      else door.expectRefused(await signFor(door, CLUSTER), badToken("ISSUER_INVALID"));
    }
  });

  it.each(["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1", "::ffff:127.0.0.1"])(
    "[H5b] from a host that resolves to %s: refused without a connection, whatever the pattern's settings allow",
    async (address) => {
      const { port, connections } = await listen();
      const lookups: string[] = [];
      const pattern = `https://oidc.eks.*.amazonaws.com:${port}/id/*`;
      const door = await openDoor({
        issuers: [patternSettings(pattern, { allowPrivateNetwork: true, allowInsecureHttp: true })],
        verifier: {
          openFetch: (settings) =>
            openFetchJson(settings, (hostname, _options, callback) => {
              lookups.push(hostname);
              callback(null, [{ address, family: address.includes(":") ? 6 : 4 }]);
            }),
        },
      });
      opened.push(door);
      const iss = `https://oidc.eks.us-west-2.amazonaws.com:${port}/id/A`;
      door.expectRefused(await signFor(door, iss), down("DISCOVERY_FAILED"));
      expect(lookups).toEqual(["oidc.eks.us-west-2.amazonaws.com"]);
      expect(connections).toEqual([]);
    },
  );

  it.each([
    "https://kubernetes.0.1",
    "https://kubernetes.a.1",
    "https://kubernetes.a.0x7f000001",
    "https://kubernetes.a.0x",
  ])("[H7b] under the name %s, which a resolver reads as an address: refused, and nothing is asked", async (iss) => {
    const { door, fetched } = await open([patternSettings(KUBERNETES)]);
    door.expectIssued(await signFor(door, "https://kubernetes.default.svc"));
    fetched.length = 0;
    door.expectRefused(await signFor(door, iss), badToken("ISSUER_UNKNOWN"));
    expect(fetched).toEqual([]);
  });

  it("[H7b] under an address that a wildcard matches: refused, and nothing is asked", async () => {
    const { door, fetched } = await open([patternSettings("https://127.*.*.*")]);
    door.expectRefused(await signFor(door, "https://127.0.0.1"), badToken("ISSUER_UNKNOWN"));
    expect(fetched).toEqual([]);
  });

  it("is the network's fault when it cannot be reached", async () => {
    const { door } = await open([patternSettings(EKS)], {
      document: () => Promise.reject(new IssuerFailure("transient", "the document could not be fetched")),
    });
    door.expectRefused(await signFor(door, CLUSTER), down("DISCOVERY_FAILED"));
  });
});

describe("[J10] 100,000 issuers that a wildcard matches", () => {
  const PATTERN = "https://*.issuers.example.com";
  const tenant = (number: number): string => `https://tenant-${number}.issuers.example.com`;

  it("are asked at most ten a second and sixty a minute, remembered in bounds, and push out nobody who is named", async () => {
    const exact = issuerSettings({ url: EMAIL_ISSUER });
    const { door, fetched } = await open([exact, patternSettings(PATTERN)]);
    door.expectIssued(await signFor(door, EMAIL_ISSUER));
    fetched.length = 0;
    let number = 0;
    for (let second = 0; second < 8; second++) {
      const before = fetched.length;
      const reasons: (string | undefined)[] = [];
      for (let call = 0; call < 15; call++)
        reasons.push((await signFor(door, tenant(number++))).text.match(/DISCOVERY_LIMITED/u)?.[0]);
      const discoveries = fetched.slice(before).filter((url) => url.endsWith("openid-configuration")).length;
      expect(discoveries).toBeLessThanOrEqual(10);
      expect(reasons.filter((reason) => reason === undefined)).toHaveLength(discoveries);
      if (second === 7) {
        expect(fetched.filter((url) => url.endsWith("openid-configuration"))).toHaveLength(60);
        door.expectRefused(await signFor(door, tenant(number)), down("DISCOVERY_LIMITED"));
      }
      door.clock.advance(1000);
    }
    fetched.length = 0;
    door.expectIssued(await signFor(door, EMAIL_ISSUER));
    expect(fetched).toEqual([]);
  });
});

describe("[J11] an issuer that a wildcard matched", () => {
  const PATTERN = "https://*.issuers.example.com";
  const EVIL = "https://evil.issuers.example.com";
  const HONEST = "https://honest.issuers.example.com";

  it.each([
    ["hangs", ""],
    ["redirects", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"],
    [
      "answers 10 GB",
      `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10000000000\r\n\r\n${"x".repeat(100_000)}`,
    ],
  ])("and %s harms nobody else", async (_what, answer) => {
    const { port } = await listen(answer);
    const over = openFetchJson(issuerSettings({ allowInsecureHttp: true, allowPrivateNetwork: true }), undefined, {
      dnsMs: 300,
      connectMs: 300,
      headMs: 300,
      idleMs: 300,
    });
    opened.push(over);
    const { door } = await open([patternSettings(PATTERN)], {
      document: (url) =>
        url === EVIL
          ? over.fetchJson(`http://127.0.0.1:${port}/`, { maxBytes: 65_536, signal: AbortSignal.timeout(5000) })
          : undefined,
    });
    const evil = signFor(door, EVIL);
    door.expectIssued(await signFor(door, HONEST));
    expect((await evil).status).not.toBe(200);
    door.expectIssued(await signFor(door, HONEST));
  });
});

it("the bounds are those that are documented", () => {
  expect(PATTERN_LIMITS).toEqual({
    known: 512,
    keys: 8192,
    unproven: 1000,
    idleMs: 3_600_000,
    discoveriesPerSecond: 10,
    discoveriesPerMinute: 60,
  });
});
