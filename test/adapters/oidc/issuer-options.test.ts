import { afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SignJWT } from "jose";
import type { IssuerSettings } from "../../../src/adapters/oidc/issuer-settings.ts";
import { DEFAULT_TOKEN_CHECKS } from "../../../src/core/identity/issuer.ts";
import { makeTestTlsPair } from "../../support/tls-pair.ts";
import { makeFakeClock } from "../../fakes/fake-clock.ts";
import { json, LocalIssuer, makeKey, NOW_MS, openFor, reasonOf, type IssuerKey } from "./local-issuer.ts";

let issuer: LocalIssuer;
let other: LocalIssuer;
let ec: IssuerKey;
let rsa: IssuerKey;
const opened: { close: () => Promise<void> }[] = [];

beforeAll(async () => {
  ec = await makeKey("ES256", "ec-1");
  rsa = await makeKey("RS256", "rsa-1");
});
beforeEach(async () => {
  [issuer, other] = await Promise.all([LocalIssuer.start(), LocalIssuer.start()]);
  issuer.serve(ec, rsa);
  other.serve(ec, rsa);
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((verifier) => verifier.close()));
  await Promise.all([issuer.close(), other.close()]);
});

function open(changes: Partial<IssuerSettings>, clock = makeFakeClock(NOW_MS)) {
  const verifier = openFor(issuer, { issuers: [issuer.settings(changes)], clock });
  opened.push(verifier);
  return verifier;
}

const hostOf = ({ url }: LocalIssuer): string => new URL(url).host;

describe("an issuer's own kinds of token", () => {
  const types = (...list: string[]): Partial<IssuerSettings> => ({
    tokenChecks: { ...DEFAULT_TOKEN_CHECKS, types: list },
  });

  it.each(["at+jwt", "AT+JWT"])("[E11b] takes typ %s where at+jwt is listed", async (typ) => {
    const token = await issuer.token(ec, {}, { typ });
    expect((await open(types("at+jwt")).verify(token)).subject).toBe("subject");
  });

  it.each(["JWT", undefined, "at+jwt2", ""])("[E11b] refuses typ %j where at+jwt is listed", async (typ) => {
    const token = await issuer.token(ec, {}, { typ });
    expect(await reasonOf(open(types("at+jwt")).verify(token))).toBe("TOKEN_TYPE");
  });
});

describe("an issuer's own algorithms", () => {
  it("are those of its announced ones that its entry lists", async () => {
    const { verify } = open({ algorithms: ["ES256"] });
    expect((await verify(await issuer.token(ec))).subject).toBe("subject");
    expect(await reasonOf(verify(await issuer.token(rsa)))).toBe("TOKEN_ALGORITHM");
  });

  it("leave an issuer without keys that announces none of them", async () => {
    expect(await reasonOf(open({ algorithms: ["ES512"] }).verify(await issuer.token(ec)))).toBe("DISCOVERY_FAILED");
  });
});

describe("documents elsewhere", () => {
  it("are found at discoveryUrl, whose issuer must be ours all the same", async () => {
    const discoveryUrl = `${other.url}/elsewhere`;
    other.discovery = json(issuer.document({ jwks_uri: `${other.url}/jwks` }));
    expect((await open({ discoveryUrl }).verify(await issuer.token(ec))).subject).toBe("subject");
    expect(issuer.fetches).toEqual({ discovery: 0, jwks: 0 });
    other.discovery = json(other.document());
    expect(await reasonOf(open({ discoveryUrl }).verify(await issuer.token(ec)))).toBe("DISCOVERY_FAILED");
  });

  it("are none where jwksUrl says where the keys are", async () => {
    const { verify } = open({ jwksUrl: `${other.url}/jwks` });
    expect((await verify(await issuer.token(ec))).subject).toBe("subject");
    expect([issuer.fetches, other.fetches]).toEqual([
      { discovery: 0, jwks: 0 },
      { discovery: 0, jwks: 1 },
    ]);
  });

  it("are none where the keys are written down", async () => {
    const { verify } = open({ jwks: Buffer.from(JSON.stringify({ keys: [ec.jwk] })) });
    expect((await verify(await issuer.token(ec))).subject).toBe("subject");
    expect(await reasonOf(verify(await issuer.token(rsa)))).toBe("TOKEN_KEY_UNKNOWN");
    expect(issuer.fetches).toEqual({ discovery: 0, jwks: 0 });
  });

  it("may name the issuer's host or one of jwksHosts for the keys, and no other", async () => {
    issuer.discovery = json(issuer.document({ jwks_uri: `${other.url}/jwks` }));
    const token = await issuer.token(ec);
    expect((await open({}).verify(token)).subject).toBe("subject");
    expect((await open({ jwksHosts: [hostOf(other)] }).verify(token)).subject).toBe("subject");
    expect(other.fetches.jwks).toBe(2);
    expect(await reasonOf(open({ jwksHosts: ["keys.example.com"] }).verify(token))).toBe("DISCOVERY_FAILED");
    expect(other.fetches.jwks).toBe(2);
  });
});

describe("keys of an issuer that is away", () => {
  it.each([
    { staleSeconds: 0, serves: "not at all" },
    { staleSeconds: 7200, serves: "for two hours" },
  ])("serve $serves with staleSeconds: $staleSeconds", async ({ staleSeconds }) => {
    const clock = makeFakeClock(NOW_MS);
    const { verify } = open({ staleSeconds }, clock);
    const token = await issuer.token(ec, { exp: NOW_MS / 1000 + 80_000 });
    await verify(token);
    issuer.jwks = (_request, response) => response.writeHead(503).end();
    // Fresh for ten minutes.
    clock.advance(605_000 + staleSeconds * 1000 - 10_000);
    if (staleSeconds > 0) expect((await verify(token)).subject).toBe("subject");
    clock.advance(400_000);
    expect(await reasonOf(verify(token))).toBe("JWKS_FAILED");
  });
});

/** An HTTPS server of JSON that keeps what was asked of it. */
async function startTls(pair: ReturnType<typeof makeTestTlsPair>, answer: (path: string) => unknown) {
  const asked: IncomingMessage[] = [];
  const server: Server = createServer({ cert: pair.certificate, key: pair.key }, (request, response) => {
    asked.push(request);
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer(request.url ?? "")));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `https://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url, close, credentials: () => asked.map(({ url: path, headers }) => [path, headers.authorization]) };
}

describe("the token that an issuer's documents are asked for with", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "mayfly-bearer-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it("[H13] [FC134] [FC137] [FC139] is read anew for each, goes to the issuer's own host, and to no other that it names for its keys", async () => {
    const pair = makeTestTlsPair(folder, "issuer");
    const keys = { keys: [ec.jwk] };
    const elsewhere = await startTls(pair, () => keys);
    let jwksUri = "";
    const own = await startTls(pair, (path) =>
      path === "/jwks"
        ? keys
        : { issuer: own.url, jwks_uri: jwksUri, id_token_signing_alg_values_supported: ["ES256"] },
    );
    let reads = 0;
    const settings = issuer.settings({
      url: own.url,
      allowInsecureHttp: false,
      caCertificatePem: pair.certificate,
      readBearerToken: () => Promise.resolve(`token-${String(++reads)}`),
    });
    const token = await new SignJWT({ ...issuer.claims(), iss: own.url })
      .setProtectedHeader({ alg: "ES256", kid: "ec-1" })
      .sign(ec.privateKey);
    try {
      for (jwksUri of [`${own.url}/jwks`, `${elsewhere.url}/jwks`]) {
        const verifier = openFor(issuer, { issuers: [settings] });
        opened.push(verifier);
        expect((await verifier.verify(token)).subject).toBe("subject");
      }
      expect(own.credentials()).toEqual([
        ["/.well-known/openid-configuration", "Bearer token-1"],
        ["/jwks", "Bearer token-2"],
        ["/.well-known/openid-configuration", "Bearer token-3"],
      ]);
      expect(elsewhere.credentials()).toEqual([["/jwks", undefined]]);
    } finally {
      await Promise.all([own.close(), elsewhere.close()]);
    }
  });

  it("[FC138] is that of its own issuer, and another one next to it is asked without", async () => {
    const pair = makeTestTlsPair(folder, "issuer");
    const start = async () => {
      const server = await startTls(pair, (path) =>
        path === "/jwks"
          ? { keys: [ec.jwk] }
          : { issuer: server.url, jwks_uri: `${server.url}/jwks`, id_token_signing_alg_values_supported: ["ES256"] },
      );
      return server;
    };
    const [local, external] = [await start(), await start()];
    const settingsOf = ({ url }: typeof local, more: Partial<IssuerSettings> = {}): IssuerSettings =>
      issuer.settings({ url, allowInsecureHttp: false, caCertificatePem: pair.certificate, ...more });
    const readBearerToken = (): Promise<string> => Promise.resolve("token");
    const verifier = openFor(issuer, { issuers: [settingsOf(local, { readBearerToken }), settingsOf(external)] });
    opened.push(verifier);
    try {
      for (const { url } of [local, external]) {
        const token = await new SignJWT({ ...issuer.claims(), iss: url })
          .setProtectedHeader({ alg: "ES256", kid: "ec-1" })
          .sign(ec.privateKey);
        expect((await verifier.verify(token)).subject).toBe("subject");
      }
      const asked = (credential?: string) => [
        ["/.well-known/openid-configuration", credential],
        ["/jwks", credential],
      ];
      expect(local.credentials()).toEqual(asked("Bearer token"));
      expect(external.credentials()).toEqual(asked());
    } finally {
      await Promise.all([local.close(), external.close()]);
    }
  });

  it("[H13] goes nowhere without TLS", async () => {
    const seen: (string | undefined)[] = [];
    issuer.discovery = (request, response) => {
      seen.push(request.headers.authorization);
      json(issuer.document())(request, response);
    };
    await open({ readBearerToken: () => Promise.resolve("token") }).verify(await issuer.token(ec));
    expect(seen).toEqual([undefined]);
  });

  it("[FC134] makes the keys unavailable for a moment when it cannot be read", async () => {
    const readBearerToken = (): Promise<string> => Promise.reject(new Error("no such file"));
    const settings = { url: issuer.url.replace("http:", "https:"), readBearerToken };
    const token = await issuer.token(ec, { iss: settings.url });
    expect(await reasonOf(open(settings).verify(token))).toBe("DISCOVERY_FAILED");
  });
});
