import { describe, expect, it } from "@jest/globals";
import type { SignatureAlgorithm } from "../../../src/core/certificate/algorithms.ts";
import type { CaTemplate } from "../../../src/core/certificate/ca-certificate.ts";
import { checkChain } from "../../../src/core/certificate/check-chain.ts";
import { CODE_SIGNING_ONLY } from "../../../src/core/certificate/extensions/ext-key-usage.ts";
import { encodeExtension } from "../../../src/core/certificate/extensions/extension.ts";
import { parseIssuerChain } from "../../../src/core/certificate/issuer-chain.ts";
import { derChildren, parseDer } from "../../../src/core/encoding/der-reader.ts";
import * as der from "../../../src/core/encoding/der-writer.ts";
import type { KeyAlgorithm } from "../../../src/core/proof/public-key.ts";
import { certify, makeCaCertificate, makeKeyPair, NOW_MS, pemOf } from "../../support/certificate-fixtures.ts";
import type { KeyPair } from "../../support/certificate-fixtures.ts";
import { editTbs, type EditTbs } from "../../support/edit-tbs.ts";

const P384: SignatureAlgorithm = "ecdsa-p384-sha384";
const DAY_MS = 86_400_000;
const LEAF = { nowMs: NOW_MS, lifetimeSeconds: 600, backdateSeconds: 0 };

const keys = {
  root: makeKeyPair("ecdsa-p384"),
  middle: makeKeyPair("ecdsa-p384"),
  issuing: makeKeyPair("ecdsa-p256"),
  other: makeKeyPair("ecdsa-p384"),
};
const identity = (commonName: string, { spki }: KeyPair) => ({
  name: { organization: "Mayfly tests", commonName },
  subjectPublicKeyInfo: spki,
});
const ROOT = identity("root", keys.root);

const makeRoot = (changes: Partial<CaTemplate> = {}): Uint8Array =>
  makeCaCertificate(keys.root, keys.root, { algorithm: P384, subject: ROOT, pathLength: 2, ...changes });
const below = (key: KeyPair, name: string, changes: Partial<CaTemplate> = {}, signer = keys.root): Uint8Array =>
  makeCaCertificate(key, signer, { algorithm: P384, subject: identity(name, key), issuer: ROOT, ...changes });
const makeIssuing = (changes: Partial<CaTemplate> = {}): Uint8Array =>
  below(keys.issuing, "issuing", { pathLength: 0, ...changes });

const root = makeRoot();
const issuing = makeIssuing();

/** A certificate with its TBS changed and signed again by the root's key. */
const edited = (certificate: Uint8Array, edit: EditTbs): Uint8Array =>
  certify(editTbs(derChildren(parseDer(certificate))[0]!.bytes, edit), P384, keys.root.privateKey);

const replace =
  (at: number, ...extensions: readonly Uint8Array[]): EditTbs =>
  (parts) =>
    void parts.extensions.splice(at, 1, ...extensions);
const field =
  (at: number, value: Uint8Array): EditTbs =>
  ({ fields }) =>
    void fields.splice(at, 1, value);
const usage = (bits: number, unused: number): Uint8Array =>
  encodeExtension(der.oid("2.5.29.15"), "critical", der.bitString(Uint8Array.of(bits), unused));
const purposes = (...oids: readonly string[]): Uint8Array =>
  encodeExtension(der.oid("2.5.29.37"), "not-critical", der.sequence(...oids.map((one) => der.oid(one))));
const commonName = (text: string): Uint8Array =>
  der.sequence(der.set(der.sequence(der.oid("2.5.4.3"), der.utf8String(text))));

/** Places of extensions in an issuing CA; a root has no EKU. */
const [KU, EKU, BC, SKI, AKI] = [0, 1, 2, 3, 4];
const EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.4";
const CODE_SIGNING = "1.3.6.1.5.5.7.3.3";
const TIME_STAMPING = "1.3.6.1.5.5.7.3.8";

const rulesOf = (...chain: readonly Uint8Array[]): readonly string[] =>
  checkChain(pemOf(...chain), LEAF).findings.map(({ rule }) => rule);

const lone = (algorithm: KeyAlgorithm, signatureAlgorithm: SignatureAlgorithm): Uint8Array => {
  const key = makeKeyPair(algorithm);
  return makeCaCertificate(key, key, { algorithm: signatureAlgorithm, subject: identity("lone", key) });
};

describe("a chain with nothing against it", () => {
  it.each([
    ["root and issuing CA", [issuing, root]],
    [
      "three tiers",
      [
        makeCaCertificate(keys.issuing, keys.middle, {
          ...{ algorithm: P384, subject: identity("issuing", keys.issuing), issuer: identity("middle", keys.middle) },
          pathLength: 0,
        }),
        below(keys.middle, "middle", { pathLength: 1 }),
        root,
      ],
    ],
  ])("has no findings: %s", (_, chain) => {
    const checked = checkChain(pemOf(...chain), LEAF);
    expect(checked.findings).toEqual([]);
    expect(checked.certificates).toHaveLength(chain.length);
    expect(checked.chain?.certificates).toHaveLength(chain.length);
  });
});

/** Chains that are refused, by the rules they break: all of them, not the first alone. */
const REFUSED: readonly (readonly [name: string, chain: () => readonly Uint8Array[], rules: readonly string[]])[] = [
  ["the root missing", () => [issuing], ["self-signed-root", "authority-key-identifier"]],
  [
    "the wrong order",
    () => [root, issuing],
    [
      ...["chain-order", "chain-signature", "authority-key-identifier", "ext-key-usage"],
      ...["self-signed-root", "authority-key-identifier", "path-length"],
    ],
  ],
  [
    "an issuing CA signed by a stranger of the root's name",
    () => [below(keys.issuing, "issuing", { pathLength: 0 }, keys.other), root],
    ["chain-signature"],
  ],
  ["an issuing CA without keyCertSign", () => [edited(issuing, replace(KU, usage(0x80, 7))), root], ["key-usage"]],
  [
    "an issuing CA that breaks five rules by itself",
    () => [
      edited(issuing, (parts) => {
        parts.extensions.splice(SKI, 1);
        parts.extensions.splice(BC, 1);
        parts.extensions.splice(KU, 1, usage(0x02, 1));
        parts.fields.splice(5, 1, der.sequence());
        parts.fields.splice(4, 1, der.sequence(der.utcOrGeneralizedTime(NOW_MS), der.utcOrGeneralizedTime(0)));
      }),
      root,
    ],
    ["common-name", "basic-constraints", "key-usage", "subject-key-identifier", "validity-form"],
  ],
  ["an issuing CA without AKI", () => [edited(issuing, replace(AKI)), root], ["authority-key-identifier"]],
  [
    "an AKI of another key",
    () => [below(keys.issuing, "issuing", { pathLength: 0, issuer: identity("root", keys.other) }), root],
    ["authority-key-identifier"],
  ],
  ["an issuing CA without a purpose", () => [edited(issuing, replace(EKU)), root], ["ext-key-usage"]],
  [
    "an issuing CA for timestamps",
    () => [edited(issuing, replace(EKU, purposes(TIME_STAMPING))), root],
    ["ext-key-usage"],
  ],
  ["a root that allows none below", () => [issuing, makeRoot({ pathLength: 0 })], ["path-length"]],
  ["one CN twice", () => [makeIssuing({ subject: identity("root", keys.issuing) }), root], ["distinct-names"]],
  [
    "both expired",
    () => [makeIssuing({ notAfterMs: NOW_MS - 1_000 }), makeRoot({ notAfterMs: NOW_MS - 1_000 })],
    ["valid-now", "valid-now"],
  ],
  ["a CA that is not valid yet", () => [makeIssuing({ notBeforeMs: NOW_MS + 1_000 }), root], ["valid-now"]],
  ["half a certificate", () => [issuing.subarray(0, -1), root], ["certificate-form"]],
  ["an Ed25519 key", () => [below(makeKeyPair("ed25519"), "issuing", { pathLength: 0 }), root], ["ca-key"]],
  [
    "an unknown critical extension",
    () => [
      edited(
        issuing,
        ({ extensions }) => void extensions.push(encodeExtension(der.oid("2.5.29.30"), "critical", der.sequence())),
      ),
      root,
    ],
    ["extensions"],
  ],
];

describe("a chain that is refused", () => {
  it.each(REFUSED)("[CL17] has all that is wrong: %s", (_, chain, rules) => {
    const pem = pemOf(...chain());
    const { findings, chain: read } = checkChain(pem, LEAF);
    // What is not valid now does not last for a leaf either.
    expect(findings.map(({ rule }) => rule).filter((rule) => rule !== "leaf-lifetime")).toEqual(rules);
    expect(read).toBeUndefined();
    expect(() => parseIssuerChain(pem, NOW_MS)).toThrow();
  });

  it.each([
    ["nothing", ""],
    ["no PEM", "issuing CA"],
    ["a private key beside", `${pemOf(issuing, root)}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n`],
    ["another block beside", `${pemOf(issuing, root)}-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n`],
    ["nine certificates", pemOf(...Array.from({ length: 9 }, () => root))],
    ["64 KiB", "\n".repeat(65_537)],
  ])("has one finding where the file is no chain: %s", (_, pem) => {
    const { findings, certificates, chain } = checkChain(pem, LEAF);
    expect(findings.map(({ rule }) => rule)).toEqual(["chain-file"]);
    expect({ certificates, chain }).toEqual({ certificates: [], chain: undefined });
  });
});

/** Chains that can be used, and what is better done otherwise. */
const ADVISED: readonly (readonly [name: string, chain: () => readonly Uint8Array[], rules: readonly string[]])[] = [
  ["keyUsage digitalSignature", () => [edited(issuing, replace(KU, usage(0x86, 1))), root], ["key-usage-only"]],
  [
    "a second purpose",
    () => [edited(issuing, replace(EKU, purposes(CODE_SIGNING, EMAIL_PROTECTION))), root],
    ["code-signing-only"],
  ],
  [
    "a root with a purpose",
    () => [issuing, edited(root, ({ extensions }) => void extensions.push(CODE_SIGNING_ONLY))],
    ["code-signing-only"],
  ],
  ["no path length", () => [makeIssuing({ pathLength: undefined }), root], ["issuing-path-length"]],
  ["no organization", () => [edited(issuing, field(5, commonName("issuing"))), root], ["organization"]],
  ["serial number 1", () => [makeIssuing({ serialNumber: Uint8Array.of(1) }), root], ["serial-number"]],
  [
    "a negative serial number",
    () => [edited(issuing, field(1, Uint8Array.of(0x02, 8, 0x80, 1, 2, 3, 4, 5, 6, 7))), root],
    ["serial-number"],
  ],
  [
    "an issuing CA that outlives its root",
    () => [makeIssuing({ notAfterMs: NOW_MS + 4_000 * DAY_MS }), root],
    ["nested-validity"],
  ],
  ["29 days left", () => [makeIssuing({ notAfterMs: NOW_MS + 29 * DAY_MS }), root], ["ends-soon"]],
  ["less than a leaf's time left", () => [makeIssuing({ notAfterMs: NOW_MS + 599_000 }), root], ["leaf-lifetime"]],
  ["P-521", () => [lone("ecdsa-p521", "ecdsa-p521-sha512")], ["common-keys", "lone-root"]],
  ["a root on P-256", () => [lone("ecdsa-p256", "ecdsa-p256-sha256")], ["root-strength", "lone-root"]],
  ["a root of RSA with 2048 bits", () => [lone("rsa-2048", "rsa-pkcs1-sha256")], ["root-strength", "lone-root"]],
  ["a root of RSA with 3072 bits", () => [lone("rsa-3072", "rsa-pkcs1-sha256")], ["lone-root"]],
];

describe("a chain that can be used", () => {
  it.each(ADVISED)("[CL16] is advised on: %s", (_, chain, rules) => {
    expect(rulesOf(...chain())).toEqual(rules);
    expect(checkChain(pemOf(...chain()), LEAF).chain).toBeDefined();
  });

  it("just holds a leaf's time, back-dated as configured", () => {
    const tight = pemOf(makeIssuing({ notBeforeMs: NOW_MS - 60_000, notAfterMs: NOW_MS + 600_000 }), root);
    const rules = (backdateSeconds: number) =>
      checkChain(tight, { ...LEAF, backdateSeconds }).findings.map(({ rule }) => rule);
    expect(rules(0)).toEqual(["ends-soon"]);
    expect(rules(60)).toEqual(["ends-soon"]);
    expect(checkChain(tight, { ...LEAF, lifetimeSeconds: 601 }).findings.map(({ rule }) => rule)).toEqual([
      "leaf-lifetime",
    ]);
    expect(
      checkChain(tight, { ...LEAF, lifetimeSeconds: 3600, backdateSeconds: 61 }).findings.map(({ rule }) => rule),
    ).toContain("leaf-lifetime");
  });
});
