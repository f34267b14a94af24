import { encodeCertificate, encodeTbs, encodeTemplate } from "../../../src/core/certificate/encode-tbs.ts";
import { lintTemplate } from "../../../src/core/certificate/lint-template.ts";
import { parseIssuerChain } from "../../../src/core/certificate/issuer-chain.ts";
import { sign } from "node:crypto";
import {
  makeCa,
  makeCaCertificate,
  makeKeyPair,
  makeTemplate,
  NOW_MS,
  pemOf,
  proven,
  type TestCa,
} from "../certificate-fixtures.ts";

/** A certificate as it is submitted to a log (RFC 6962 §4.1, §4.2). */
export interface SubmittedChain {
  readonly kind: "x509_entry" | "precert_entry";
  /** DER: the certificate or precertificate first, the root last. */
  readonly chain: readonly Uint8Array[];
}

/** CAs of a log that more than one submits to: two issuing CAs of one root, and a root that signs by itself. */
export function makeAuthorities(): readonly TestCa[] {
  const first = makeCa();
  const algorithm = "ecdsa-p256-sha256";
  const issuingKey = makeKeyPair("ecdsa-p256");
  const issuingDer = makeCaCertificate(issuingKey, first.rootKey, {
    algorithm,
    subject: {
      name: { organization: "Mayfly tests", commonName: "second issuing CA" },
      subjectPublicKeyInfo: issuingKey.spki,
    },
    issuer: {
      name: { organization: "Mayfly tests", commonName: "root" },
      subjectPublicKeyInfo: first.rootKey.spki,
    },
    pathLength: 0,
  });
  const second = {
    ...first,
    issuingKey,
    issuingDer,
    chain: parseIssuerChain(pemOf(issuingDer, first.rootDer), NOW_MS),
  };
  const rootKey = makeKeyPair("ecdsa-p256");
  const rootDer = makeCaCertificate(rootKey, rootKey, {
    algorithm,
    subject: { name: { organization: "Mayfly tests", commonName: "lone root" }, subjectPublicKeyInfo: rootKey.spki },
    pathLength: 0,
  });
  const chain = parseIssuerChain(pemOf(rootDer), NOW_MS);
  return [first, second, { chain, issuingKey: rootKey, rootKey, issuingDer: rootDer, rootDer }];
}

/**
 * Certificates to submit, each another one: of every CA in turn, and every third a final certificate, the others
 * precertificates.
 */
export function* submittedChains(authorities: readonly TestCa[], count: number): Generator<SubmittedChain> {
  const key = proven(makeKeyPair("ecdsa-p256"), "ecdsa-p256");
  for (let at = 0; at < count; at += 1) {
    const ca = authorities[at % authorities.length];
    if (ca === undefined) throw new RangeError("no CA");
    const kind = Math.floor(at / authorities.length) % 3 === 0 ? "x509_entry" : "precert_entry";
    const encoded = encodeTemplate(lintTemplate(makeTemplate(ca, { key })));
    const tbs = encodeTbs(encoded, { kind: kind === "x509_entry" ? "none" : "poison" });
    const der = encodeCertificate(tbs, "ecdsa-p256-sha256", sign("sha256", tbs, ca.issuingKey.privateKey));
    yield { kind, chain: [der, ...ca.chain.certificates] };
  }
}

/** PEM of the roots of CAs, each once. */
export function rootsPem(authorities: readonly TestCa[]): string {
  return [...new Set(authorities.map(({ rootDer }) => pemOf(rootDer)))].join("");
}
