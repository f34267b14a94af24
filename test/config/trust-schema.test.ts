import { describe, expect, it } from "@jest/globals";
import { parseConfig } from "../../src/config/load-config.ts";
import { publicUrlOf } from "../../src/config/public-url.ts";
import type { Config } from "../../src/config/schema.ts";
import { MEMORY_CONFIG } from "../support/memory-config.ts";

const PORTED = MEMORY_CONFIG.replace('http: { listen: "127.0.0.1:0" }', 'http: { listen: "127.0.0.1:5555" }');

const PRODUCTION = `dataDirectory: /data
http: { listen: "127.0.0.1:5555" }
operations: { listen: "127.0.0.1:2112" }
ca: { chain: chain.pem, signer: { kind: file, path: a.json, passphrase: { env: P } } }
log:
  origin: example.com
  signer: { kind: file, path: b.json, passphrase: { env: P } }
  checkpointSigner: { kind: file, path: c.json, passphrase: { env: P } }
issuers:
  - { url: "https://issuer.example.com", identity: { kind: email } }
  - { url: "https://*.ci.example.com", identity: { kind: email } }
`;

const parse = (trust: string, text = PRODUCTION): Config =>
  parseConfig(`${text}trust: ${trust}\n`, "/etc/mayfly/c.yaml");

const PUBLIC = 'publicUrl: "https://ca.example.com"';
const TSA = 'url: "https://tsa.example.com/api/v1/timestamp", chain: tsa.pem';
const REKOR = 'url: "https://rekor.example.com:3000", publicKey: rekor.pub';

describe("what the trust files are made of", () => {
  it("is nothing unless it is written", () => {
    expect(parseConfig(PRODUCTION, "c.yaml").trust).toBeUndefined();
  });

  it("needs only a public URL", () => {
    const { trust } = parse(`{ ${PUBLIC} }`);
    expect(trust).toEqual({
      publicUrl: "https://ca.example.com",
      otherAuthorities: [],
      otherLogs: [],
      timestampAuthorities: [],
      transparencyLogs: [],
    });
    expect(Object.isFrozen(trust)).toBe(true);
  });

  it("takes files from the configuration's folder and times as moments", () => {
    const { trust } = parse(
      `{ ${PUBLIC}, timestampAuthorities: [{ ${TSA}, start: 2026-01-01T00:00:00+01:00 }],
         transparencyLogs: [{ ${REKOR}, apiVersion: 2, end: 2027-01-01T00:00:00Z }],
         otherAuthorities: [{ chain: ../old.pem, end: 2026-01-01T00:00:00Z }],
         otherLogs: [{ baseUrl: "https://old.example.com/log", publicKey: /keys/ctfe.pub }] }`,
    );
    expect(trust).toMatchObject({
      timestampAuthorities: [{ chain: "/etc/mayfly/tsa.pem", start: Date.parse("2025-12-31T23:00:00Z") }],
      transparencyLogs: [{ publicKey: "/etc/mayfly/rekor.pub", end: Date.parse("2027-01-01T00:00:00Z") }],
      otherAuthorities: [{ chain: "/etc/old.pem" }],
      otherLogs: [{ publicKey: "/keys/ctfe.pub" }],
    });
  });

  it.each([
    ["127.0.0.1:5555", "", "http://127.0.0.1:5555"],
    ["[::1]:5555", "", "http://[::1]:5555"],
    ["localhost:443", ", tls: { certificate: c, key: k }", "https://localhost"],
  ])("has in development the URL of the address %s%s", (listen, more, url) => {
    const text = MEMORY_CONFIG.replace('http: { listen: "127.0.0.1:0" }', `http: { listen: "${listen}"${more} }`);
    expect(publicUrlOf(parse("{}", text))).toBe(url);
  });

  it("has the URL that is written before that of an address", () => {
    expect(publicUrlOf(parse('{ publicUrl: "http://mayfly.test:8080" }', PORTED))).toBe("http://mayfly.test:8080");
  });
});

describe("trust files refuse", () => {
  const OLD = "otherAuthorities: [{ chain: old.pem";
  it.each([
    ["no public URL outside development", "{}", "trust.publicUrl: required"],
    ["[CL24] a public URL with a path", '{ publicUrl: "https://ca.example.com/fulcio" }', "without a path"],
    [
      "[CL24] a public URL with a final slash",
      '{ publicUrl: "https://ca.example.com/" }',
      "without a path or a final slash",
    ],
    ["a public URL with a query", '{ publicUrl: "https://ca.example.com?a" }', "trust.publicUrl"],
    ["a public URL with a password", '{ publicUrl: "https://a:b@ca.example.com" }', "trust.publicUrl"],
    ["a public URL with its default port", '{ publicUrl: "https://ca.example.com:443" }', "trust.publicUrl"],
    ["a public URL in capitals", '{ publicUrl: "https://CA.example.com" }', "in lower case"],
    ["a public URL of another scheme", '{ publicUrl: "ftp://ca.example.com" }', "trust.publicUrl"],
    ["a public URL without TLS", '{ publicUrl: "http://ca.example.com" }', "clients send their tokens there"],
    ["an issuer that is none of ours", `{ ${PUBLIC}, issuers: ["https://other.example.com"] }`, "trust.issuers[0]"],
    [
      "a pattern of issuers, which nobody can go to",
      `{ ${PUBLIC}, issuers: ["https://*.ci.example.com"] }`,
      "trust.issuers[0]",
    ],
    ["an empty list of issuers", `{ ${PUBLIC}, issuers: [] }`, "trust.issuers"],
    ["an operator with a scheme", `{ ${PUBLIC}, operator: "https://example.com" }`, "without its scheme"],
    ["an operator in words", `{ ${PUBLIC}, operator: "Example Inc" }`, "without its scheme"],
    [
      "an operator of a service with a scheme",
      `{ ${PUBLIC}, timestampAuthorities: [{ ${TSA}, operator: "https://t.example.com" }] }`,
      "trust.timestampAuthorities[0].operator",
    ],
    ["an operator over two lines", `{ ${PUBLIC}, operator: "a\\nb" }`, "trust.operator"],
    ["another CA that nobody closed", `{ ${PUBLIC}, ${OLD} }] }`, "trust.otherAuthorities[0]: expected an end"],
    [
      "a time that ends before it begins",
      `{ ${PUBLIC}, ${OLD}, start: 2026-01-02T00:00:00Z, end: 2026-01-01T00:00:00Z }] }`,
      "trust.otherAuthorities[0].end: ends before it begins",
    ],
    [
      "a time that ends where it begins",
      `{ ${PUBLIC}, timestampAuthorities: [{ ${TSA}, start: 2026-01-01T00:00:00Z, end: 2026-01-01T00:00:00Z }] }`,
      "trust.timestampAuthorities[0].end",
    ],
    ["a time without its offset", `{ ${PUBLIC}, ${OLD}, end: "2026-01-01T00:00:00" }] }`, "as RFC 3339 writes it"],
    [
      "a timestamp authority without a path",
      `{ ${PUBLIC}, timestampAuthorities: [{ url: "https://tsa.example.com", chain: tsa.pem }] }`,
      "trust.timestampAuthorities[0].url: expected the whole URL",
    ],
    [
      "a timestamp authority without a chain",
      `{ ${PUBLIC}, timestampAuthorities: [{ url: "https://tsa.example.com/api" }] }`,
      "trust.timestampAuthorities[0].chain",
    ],
    [
      "a log of signatures whose version nobody says",
      `{ ${PUBLIC}, transparencyLogs: [{ ${REKOR} }] }`,
      "transparencyLogs[0].apiVersion",
    ],
    [
      "a log of signatures of a version that there is not",
      `{ ${PUBLIC}, transparencyLogs: [{ ${REKOR}, apiVersion: 3 }] }`,
      "transparencyLogs[0].apiVersion",
    ],
    [
      "a log of signatures with a final slash",
      `{ ${PUBLIC}, transparencyLogs: [{ url: "https://r.example.com/", publicKey: r.pub, apiVersion: 1 }] }`,
      "transparencyLogs[0].url",
    ],
    [
      "a log of version 2 that calls itself by its port",
      `{ ${PUBLIC}, transparencyLogs: [{ ${REKOR}, apiVersion: 2, baseUrl: "https://rekor.example.com:3000" }] }`,
      "transparencyLogs[0].baseUrl",
    ],
    ["a setting that there is not", `{ ${PUBLIC}, publicURL: x }`, "trust.publicURL: unknown setting"],
  ])("%s", (_, trust, says) => {
    expect(() => parse(trust)).toThrow(says);
  });

  it.each([
    ["a port that is not known yet", MEMORY_CONFIG],
    [
      "an address of every machine",
      PORTED.replace("127.0.0.1:5555", "0.0.0.0:5555").replace('555" }', '555", allowPlainHttpOffLoopback: true }'),
    ],
  ])("%s as the place of the CA", (_, text) => {
    expect(() => parse("{}", text)).toThrow(/^\/etc\/mayfly\/c\.yaml:\d+: trust\.publicUrl: required/u);
  });
});
