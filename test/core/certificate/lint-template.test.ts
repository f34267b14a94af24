import { describe, expect, it } from "@jest/globals";
import { encodeTbs, encodeTemplate } from "../../../src/core/certificate/encode-tbs.ts";
import { lintTemplate } from "../../../src/core/certificate/lint-template.ts";
import type { CertificateTemplate } from "../../../src/core/certificate/template.ts";
import type { FulcioExtensions } from "../../../src/core/identity/principal.ts";
import type { KeyAlgorithm, ProvenKey } from "../../../src/core/proof/public-key.ts";
import {
  ALL_EXTENSIONS,
  KEY_ALGORITHMS,
  makeCa,
  makeKeyPair,
  makeTemplate,
  NOW_MS,
  proven,
  WORKFLOW_URI,
} from "../../support/certificate-fixtures.ts";

type Changes = Partial<CertificateTemplate>;

const ca = makeCa();
const good = makeTemplate(ca);
const lint = (changes: Changes) => lintTemplate({ ...good, ...changes });
const octets = (start: string, length = 20): Uint8Array => {
  const bytes = new Uint8Array(length).fill(0x11);
  bytes.set(Buffer.from(start, "hex"));
  return bytes;
};
const email = (value: string): Changes => ({ subjectAltName: { kind: "email", value } });
const username = (value: string): Changes => ({ subjectAltName: { kind: "username", value } });
const uri = (value: string): Changes => ({ subjectAltName: { kind: "uri", value } });
const says = (values: Partial<FulcioExtensions>): Changes => ({
  extensions: { issuer: "https://i.example", ...values },
});
const key = (algorithm: KeyAlgorithm, spki: Uint8Array): Changes => ({ key: { algorithm, spki } as ProvenKey });
const p256 = makeKeyPair("ecdsa-p256").spki;
const rsa2048 = makeKeyPair("rsa-2048").spki;
const with1 = (bytes: Uint8Array, at: number, value: number): Uint8Array => bytes.with(at, value);

describe("lintTemplate", () => {
  it.each<[string, Changes]>([
    ["an e-mail address", email("jane@example.com")],
    ["an address with every printable kind of character", email("!#$%&'*+-/=?^_`{|}~.Jane@xn--exmple-cua.com")],
    ["a workflow", uri(WORKFLOW_URI.value)],
    ["a user name", username("alice!example.com")],
    ["a user name with a space and letters beyond ASCII", username("\u6771\u4eac am\u00e9lie!xn--bcher-kva.example")],
    ["a SPIFFE id", uri("spiffe://example.org/ns/prod/sa/web")],
    ["a URN", uri("urn:example:animal:ferret:nose")],
    ["an IPv6 host with a port", uri("https://[2001:db8::1]:8443/x")],
    ["an IPv4 host", uri("https://192.0.2.1/x")],
    ["a label of 63 characters", uri(`https://${"a".repeat(63)}.com`)],
    ["a host of 253 characters", uri(`https://${"a.".repeat(126)}a/`)],
    ["percent-encodings", uri("https://example.com/a%20b%C3%A4")],
    ["all extensions", { extensions: ALL_EXTENSIONS }],
    ["text beyond the first Unicode plane", says({ githubWorkflowName: "🚀" })],
    ["an empty value, which leaves its extension out", says({ deploymentEnvironment: "" })],
    ["a value of exactly 1 KiB", says({ tokenSubject: "s".repeat(1024) })],
    ["a serial number that starts with zero octets", { serialNumber: octets("0000000000000000000000") }],
    ["the shortest lifetime", { notAfterMs: NOW_MS + 60_000 }],
    ["the longest lifetime", { notAfterMs: NOW_MS + 3_600_000 }],
    ...KEY_ALGORITHMS.map((algorithm): [string, Changes] => [
      `an ${algorithm} key`,
      { key: proven(makeKeyPair(algorithm), algorithm) },
    ]),
  ])("accepts %s, and what it accepts can be encoded", (_name, changes) => {
    const template = lint(changes);
    expect(template).toMatchObject(changes);
    expect(encodeTbs(encodeTemplate(template), { kind: "poison" }).length).toBeGreaterThan(300);
  });

  it.each<[rule: string, name: string, changes: Changes]>([
    ["serial-length", "no octets", { serialNumber: new Uint8Array(0) }],
    ["serial-length", "19 octets", { serialNumber: octets("11", 19) }],
    ["serial-length", "21 octets", { serialNumber: octets("11", 21) }],
    ["serial-range", "zero", { serialNumber: new Uint8Array(20) }],
    ["serial-range", "a negative number", { serialNumber: octets("80") }],
    ["serial-range", "2^64 − 1", { serialNumber: octets("000000000000000000000000ffffffffffffffff") }],
    ["signature-algorithm", "an Ed25519 CA", { issuer: { ...ca.chain, signatureAlgorithm: "ed25519" } }],
    ["validity-seconds", "a fraction in notBefore", { notBeforeMs: NOW_MS + 1 }],
    ["validity-seconds", "a fraction in notAfter", { notAfterMs: NOW_MS + 600_001 }],
    ["validity-seconds", "no time at all", { notBeforeMs: NaN }],
    ["validity-lifetime", "an end at the start", { notAfterMs: NOW_MS }],
    ["validity-lifetime", "59 seconds", { notAfterMs: NOW_MS + 59_000 }],
    ["validity-lifetime", "an end before the start", { notAfterMs: NOW_MS - 1000 }],
    ["validity-lifetime", "an hour and a second", { notAfterMs: NOW_MS + 3_601_000 }],
    ["validity-chain", "an end after the chain's", { issuer: { ...ca.chain, notAfterMs: NOW_MS + 599_000 } }],
    ["validity-chain", "a start before the chain's", { issuer: { ...ca.chain, notBeforeMs: NOW_MS + 1000 } }],
    ["key-algorithm", "a key type nobody knows", key("dsa" as KeyAlgorithm, p256)],
    ["key-spki", "a P-256 key that is said to be P-384", key("ecdsa-p384", p256)],
    ["key-spki", "a P-256 key that is said to be RSA", key("rsa-2048", p256)],
    ["key-spki", "a P-256 key with an octet after it", key("ecdsa-p256", Uint8Array.of(...p256, 0))],
    ["key-spki", "a P-256 key cut short", key("ecdsa-p256", p256.subarray(0, -1))],
    ["key-spki", "a compressed point", key("ecdsa-p256", with1(p256, 26, 2))],
    ["key-spki", "another curve's name", key("ecdsa-p256", with1(p256, 22, 6))],
    ["key-spki", "an RSA key of another size", key("rsa-3072", rsa2048)],
    ["key-spki", "an RSA key with an octet after it", key("rsa-2048", Uint8Array.of(...rsa2048, 0))],
    ["key-spki", "an RSA key whose parameters are not NULL", key("rsa-2048", with1(rsa2048, 17, 4))],
    ["key-spki", "an RSA key with unused bits", key("rsa-2048", with1(rsa2048, 23, 1))],
    ["key-spki", "no key", key("ed25519", new Uint8Array(0))],
    ["san-email", "an empty address", email("")],
    ["san-email", "no @", email("jane")],
    ["san-email", "two @", email("jane@doe@example.com")],
    ["san-email", "no local part", email("@example.com")],
    ["san-email", "no domain", email("jane@")],
    ["san-email", "a space", email("jane doe@example.com")],
    ["san-email", "a line break at the end", email("jane@example.com\n")],
    ["san-email", "a NUL", email("jane@example.com\0.evil.example")],
    ["san-email", "DEL", email("jane\x7f@example.com")],
    ["san-email", "a letter beyond ASCII", email("jäne@example.com")],
    ["san-email", "a letter that folds to ASCII", email("jane@e\u212aample.com")],
    ["san-username", "an empty user name", username("")],
    ["san-username", "no user", username("!example.com")],
    ["san-username", "no domain", username("alice!")],
    ["san-username", "no exclamation mark", username("alice")],
    ["san-username", "two exclamation marks", username("alice!bob!example.com")],
    ["san-username", "an address for a user", username("alice@example.org!example.com")],
    ["san-username", "an invisible character", username("ali\u200bce!example.com")],
    ["san-username", "a line break at the end", username("alice!example.com\n")],
    ["san-username", "an accent apart from its letter", username("ame\u0301lie!example.com")],
    ["san-username", "half of a surrogate pair", username("\ud83d!example.com")],
    ["san-username", "a domain in capitals", username("alice!Example.com")],
    ["san-username", "a URL for a domain", username("alice!https://example.com")],
    ["san-username", "an empty label", username("alice!example..com")],
    ["san-uri", "an empty URI", uri("")],
    ["san-uri", "a relative reference", uri("/path")],
    ["san-uri", "no scheme", uri("example.com/path")],
    ["san-uri", "a scheme alone", uri("https:")],
    ["san-uri", "a scheme that starts with a digit", uri("1https://example.com")],
    ["san-uri", "an empty host", uri("https:///path")],
    ["san-uri", "an empty host before a port", uri("https://:443/path")],
    ["san-uri", "an empty host after user information", uri("https://me@/path")],
    ["san-uri", "an empty label in the host", uri("https://example..com/")],
    ["san-uri", "a final dot in the host", uri("https://example.com./")],
    ["san-uri", "user information", uri("https://me@example.com/")],
    ["san-uri", "a port that is no number", uri("https://example.com:https/")],
    ["san-uri", "a port of six digits", uri("https://example.com:100000/")],
    ["san-uri", "a bracket in the host", uri("https://exa[mple.com/")],
    ["san-uri", "an IP literal that is no address", uri("https://[2001:db8:::1]/")],
    ["san-uri", "something after an IP literal", uri("https://[2001:db8::1]x/")],
    ["san-uri", "a percent-encoding in the host", uri("https://ex%C3%A4mple.com/")],
    ["san-uri", "a label of 64 characters", uri(`https://${"a".repeat(64)}.com/`)],
    ["san-uri", "a host of 254 characters", uri(`https://${"a.".repeat(126)}aa/`)],
    ["san-uri", "a space", uri("https://example.com/a b")],
    ["san-uri", "a line break at the end", uri("https://example.com/\n")],
    ["san-uri", "a quote", uri('https://example.com/"')],
    ["san-uri", "a half percent-encoding", uri("https://example.com/%2")],
    ["san-uri", "a percent-encoding that is none", uri("https://example.com/%zz")],
    ["san-uri", "a letter beyond ASCII", uri("https://exämple.com/")],
    ["issuer-extension", "an empty issuer", says({ issuer: "" })],
    ["issuer-extension", "no issuer", { extensions: {} as FulcioExtensions }],
    ["extension-name", "an extension that does not exist", says({ admin: "true" } as Partial<FulcioExtensions>)],
    ["extension-text", "a NUL in a raw value", says({ githubWorkflowRef: "refs/heads/main\0" })],
    ["extension-text", "a line break in a raw value", says({ githubWorkflowName: "a\nb" })],
    ["extension-text", "a control character in a UTF8String", says({ tokenSubject: "a\u0085b" })],
    ["extension-text", "half of a surrogate pair", says({ githubWorkflowName: "a\ud83d" })],
  ])("stops with %s at %s", (rule, _name, changes) => {
    expect(() => lint(changes)).toThrow(
      expect.objectContaining({
        code: "profile_violation",
        reason: "LINT",
        message: expect.stringMatching(new RegExp(`^${rule}: `, "u")),
      }),
    );
  });

  const kib = "x".repeat(1024);
  const many = Object.fromEntries(Object.keys(ALL_EXTENSIONS).map((name) => [name, "y".repeat(400)]));

  it.each<[string, Changes]>([
    ["a value of 1 KiB and a byte", says({ tokenSubject: `${kib}x` })],
    ["a value of 1 KiB and a byte in UTF-8", says({ tokenSubject: `${kib.slice(1)}é` })],
    ["a raw value beyond 1 KiB", says({ githubWorkflowName: `${kib}x` })],
    ["an issuer beyond 1 KiB", says({ issuer: `https://${kib}` })],
    ["an address beyond 1 KiB", email(`${kib}@example.com`)],
    ["a URI beyond 1 KiB", uri(`https://example.com/${kib}`)],
    ["more than 8 KiB together", says(many)],
  ])("lays %s at the token's door", (_name, changes) => {
    expect(() => lint(changes)).toThrow(
      expect.objectContaining({ code: "policy_denied", reason: "EXTENSIONS_TOO_LONG" }),
    );
  });

  it("counts 8 KiB exactly as still acceptable", () => {
    const values = Object.keys(ALL_EXTENSIONS).slice(1, 8);
    const extensions = { issuer: "i".repeat(400), ...Object.fromEntries(values.map((name) => [name, kib])) };
    const left = 8192 - 2 * 400 - 7 * 1024;
    const subjectAltName = { kind: "uri", value: `urn:${"x".repeat(left - 4)}` } as const;
    expect(lint({ extensions, subjectAltName })).toMatchObject({ subjectAltName });
    const longer = { kind: "uri", value: `${subjectAltName.value}x` } as const;
    expect(() => lint({ extensions, subjectAltName: longer })).toThrow(
      expect.objectContaining({ reason: "EXTENSIONS_TOO_LONG" }),
    );
  });

  it.each([
    ["the issuing CA's", ca.issuingKey],
    ["the root's", ca.rootKey],
  ])("never certifies %s own key", (_name, ours) => {
    expect(() => lint({ key: proven(ours, "ecdsa-p256") })).toThrow(
      expect.objectContaining({ code: "insecure_key", reason: "KEY_IS_OURS" }),
    );
  });

  it("puts no value of the token into its message", () => {
    const secret = "jane.doe.secret";
    for (const changes of [email(`${secret} @x`), uri(`https://${secret}..`), says({ tokenSubject: `${secret}\n` })]) {
      expect(() => lint(changes)).toThrow(expect.objectContaining({ message: expect.not.stringContaining(secret) }));
    }
  });
});
