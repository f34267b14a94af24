import { describe, expect, it } from "@jest/globals";
import { discoveryUrl, parseDiscovery } from "../../../src/adapters/oidc/discovery.ts";
import { IssuerFailure } from "../../../src/adapters/oidc/issuer-failure.ts";
import { issuerSettings } from "../../support/issuer-settings.ts";

const ISSUER = issuerSettings();

const DOCUMENT = { issuer: ISSUER.url, jwks_uri: "https://issuer.example/keys" };

const parse = (changes: Readonly<Record<string, unknown>>, issuer = ISSUER) =>
  parseDiscovery(Buffer.from(JSON.stringify({ ...DOCUMENT, ...changes })), issuer);

describe("discoveryUrl", () => {
  it.each([
    ["https://issuer.example", "https://issuer.example/.well-known/openid-configuration"],
    ["https://issuer.example/", "https://issuer.example/.well-known/openid-configuration"],
    ["https://issuer.example/a/b", "https://issuer.example/a/b/.well-known/openid-configuration"],
  ])("of %s is %s", (url, expected) => {
    expect(discoveryUrl({ ...ISSUER, url })).toBe(expected);
  });

  it.each([
    "http://issuer.example",
    "ftp://issuer.example",
    "issuer.example",
    "https://a@issuer.example",
    "https://ⓘ.example",
  ])("is none for %s", (url) => {
    expect(() => discoveryUrl({ ...ISSUER, url })).toThrow(IssuerFailure);
  });
});

describe("parseDiscovery", () => {
  it.each([
    "https://issuer.example/tenant/",
    "https://issuer.example/Tenant",
    "https://issuer.example/other",
    "https://issuer.example:443/tenant",
    "http://issuer.example/tenant",
    "",
    undefined,
    null,
    [ISSUER.url],
  ])("H01: refuses the document of issuer %j", (issuer) => {
    expect(() => parse({ issuer })).toThrow(IssuerFailure);
  });

  it.each([
    undefined,
    null,
    1,
    "",
    "/keys",
    "//issuer.example/keys",
    "http://issuer.example/keys",
    "file:///etc/passwd",
    "data:application/json,{}",
    "https://user@issuer.example/keys",
    "https://user:secret@issuer.example/keys",
    "https://issuer.example/keys#fragment",
    "https://issuer.example:8443/keys",
    "https://issuer.example:/keys",
    "https://issuer.example:99999/keys",
    "https://issuer.example\\@evil.example/keys",
    "https://issuer.example/ke ys",
    "https://issuer.example/keys\n",
    " https://issuer.example/keys",
    "https://issuér.example/keys",
    "HTTPS://issuer.example/keys",
  ])("H02: refuses jwks_uri %j", (jwks_uri) => {
    expect(() => parse({ jwks_uri })).toThrow(IssuerFailure);
  });

  it.each(["https://keys.example/set", "https://issuer.example/keys?v=1", "https://issuer.example"])(
    "H03: takes jwks_uri %s of a configured issuer",
    (jwks_uri) => {
      expect(parse({ jwks_uri }).jwksUri).toBe(jwks_uri);
    },
  );

  it("takes another port where the issuer has the same one or may use private networks", () => {
    const jwks_uri = "https://issuer.example:8443/keys";
    const ported = { ...ISSUER, url: "https://issuer.example:8443" };
    expect(parse({ jwks_uri, issuer: ported.url }, ported).jwksUri).toBe(jwks_uri);
    expect(parse({ jwks_uri }, { ...ISSUER, allowPrivateNetwork: true }).jwksUri).toBe(jwks_uri);
  });

  it("takes http only where the issuer may use it", () => {
    const jwks_uri = "http://issuer.example/keys";
    expect(parse({ jwks_uri }, { ...ISSUER, allowInsecureHttp: true }).jwksUri).toBe(jwks_uri);
  });

  it.each([
    [undefined, ["RS256"]],
    ["RS256", ["RS256"]],
    [[], ["RS256"]],
    [["none", "HS256"], ["RS256"]],
    [
      ["none", "HS256", "ES256", "ES256K", 1, null, "PS512"],
      ["ES256", "PS512"],
    ],
  ])("H14: reads the algorithms %j as %j", (announced, expected) => {
    expect([...parse({ id_token_signing_alg_values_supported: announced }).algorithms]).toEqual(expected);
  });

  it.each([
    "",
    "[]",
    "<html>",
    `{"issuer":"${ISSUER.url}","issuer":"${ISSUER.url}","jwks_uri":"${DOCUMENT.jwks_uri}"}`,
    `\ufeff${JSON.stringify(DOCUMENT)}`,
  ])("H14: refuses the document %j", (text) => {
    expect(() => parseDiscovery(Buffer.from(text), ISSUER)).toThrow(IssuerFailure);
  });
});
