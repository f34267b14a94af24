import { nth } from "./verify-chain.ts";
import type { CaCertificate } from "./read-ca-certificate.ts";
import { rsaModulusBits } from "./spki-form.ts";
import { isWithin, leafValidity } from "./validity.ts";

/** What docs/certificate-profile.md §5 asks for beyond what makes a chain refused, and what its validity means for leaves. */
export type AdviceRule =
  | "key-usage-only"
  | "code-signing-only"
  | "issuing-path-length"
  | "organization"
  | "serial-number"
  | "nested-validity"
  | "common-keys"
  | "root-strength"
  | "lone-root"
  | "leaf-lifetime"
  | "ends-soon";

/** One piece of advice about a chain. */
export interface Advice {
  readonly rule: AdviceRule;
  /** Place of the certificate in the chain, from 0; undefined where it is about all of them. */
  readonly at: number | undefined;
  readonly what: string;
}

/** What leaves are issued with. */
export interface LeafTimes {
  /** Wall clock, milliseconds. */
  readonly nowMs: number;
  readonly lifetimeSeconds: number;
  readonly backdateSeconds: number;
}

const CODE_SIGNING = "1.3.6.1.5.5.7.3.3";
const DAY_MS = 86_400_000;
/** As long as it takes to get a new certificate from people who keep a root offline. */
const SOON_DAYS = 30;
/** RFC 5280 §4.1.2.2 allows 20; a number that is drawn has 64 random bits at least (CA/Browser Forum BR §7.1). */
const SERIAL_OCTETS = { min: 8, max: 20 };
const MIN_ROOT_RSA_BITS = 3072;
const ORGANIZATION = Buffer.from("060355040a", "hex");

/**
 * What is better done otherwise in a chain that can be used as it is. Only `leaf-lifetime` is more than advice: no leaf can be
 * issued then.
 *
 * @param chain issuing CA first, root last
 */
export function* adviseOnChain(chain: readonly CaCertificate[], leaf: LeafTimes): Generator<Advice> {
  for (const [at, certificate] of chain.entries()) {
    yield* adviseOnForm(certificate, at);
    yield* adviseOnKey(certificate, at, chain.length);
    yield* adviseOnPlace(certificate, at, chain);
  }
  if (chain.length === 1) {
    const what = "the root signs leaves itself: another key of it is a new trust anchor at every verifier";
    yield { rule: "lone-root", at: 0, what };
  }
  yield* adviseOnEnd(chain, leaf);
}

function* adviseOnForm(certificate: CaCertificate, at: number): Generator<Advice> {
  const { serialNumber, hasOtherKeyUsage, subjectName } = certificate;
  if (hasOtherKeyUsage) {
    yield { rule: "key-usage-only", at, what: `${nth(at)} has a keyUsage beside keyCertSign and cRLSign` };
  }
  // The OBJECT IDENTIFIER of O (X.520 §6.4.1) can begin nowhere else in a Name that has been read.
  if (!Buffer.from(subjectName).includes(ORGANIZATION)) {
    yield { rule: "organization", at, what: `${nth(at)} has a subject without O` };
  }
  const isNegative = ((serialNumber[0] ?? 0) & 0x80) !== 0;
  const octets = serialNumber.length;
  if (isNegative || octets < SERIAL_OCTETS.min || octets > SERIAL_OCTETS.max) {
    const form = `${isNegative ? "negative" : "positive"}, ${String(octets)} octets`;
    yield { rule: "serial-number", at, what: `${nth(at)} has a serial number that is not 8 to 20 octets: ${form}` };
  }
}

function* adviseOnKey(certificate: CaCertificate, at: number, length: number): Generator<Advice> {
  const { signatureAlgorithm, subjectPublicKeyInfo } = certificate;
  if (signatureAlgorithm === "ecdsa-p521-sha512") {
    yield { rule: "common-keys", at, what: `${nth(at)} has a key on P-521, which not every client knows` };
  }
  if (at !== length - 1) return;
  const isShortRsa = signatureAlgorithm === "rsa-pkcs1-sha256" && bitsOf(subjectPublicKeyInfo) < MIN_ROOT_RSA_BITS;
  if (signatureAlgorithm === "ecdsa-p256-sha256" || isShortRsa) {
    yield { rule: "root-strength", at, what: `${nth(at)}, the root, has a key weaker than P-384 or RSA of 3072 bits` };
  }
}

const bitsOf = (spki: Uint8Array): number => rsaModulusBits(spki) ?? 0;

function* adviseOnPlace(certificate: CaCertificate, at: number, chain: readonly CaCertificate[]): Generator<Advice> {
  const parent = chain[at + 1];
  const { extKeyUsage, pathLength } = certificate;
  const isRoot = parent === undefined;
  const isUsual = isRoot ? extKeyUsage === undefined : extKeyUsage?.join() === CODE_SIGNING;
  if (!isUsual) {
    const what = isRoot ? "the root, has an extKeyUsage" : "below the root, has an extKeyUsage other than codeSigning";
    yield { rule: "code-signing-only", at, what: `${nth(at)}, ${what}` };
  }
  if (at === 0 && !isRoot && pathLength !== 0) {
    yield { rule: "issuing-path-length", at, what: `${nth(at)}, the issuing CA, allows CAs below it` };
  }
  if (parent !== undefined && !isWithin(certificate, parent)) {
    yield { rule: "nested-validity", at, what: `${nth(at)} begins before the next one, or ends after it` };
  }
}

function* adviseOnEnd(chain: readonly CaCertificate[], leaf: LeafTimes): Generator<Advice> {
  const times = leafValidity(leaf);
  for (const [at, { notBeforeMs, notAfterMs }] of chain.entries()) {
    const days = Math.floor((notAfterMs - leaf.nowMs) / DAY_MS);
    if (!isWithin(times, { notBeforeMs, notAfterMs })) {
      const what = `${nth(at)} begins after a leaf that is issued now, or ends before it: ${new Date(notAfterMs).toISOString()}`;
      yield { rule: "leaf-lifetime", at, what };
    } else if (days < SOON_DAYS) {
      yield {
        rule: "ends-soon",
        at,
        what: `${nth(at)} ends in ${String(days)} days: ${new Date(notAfterMs).toISOString()}`,
      };
    }
  }
}
