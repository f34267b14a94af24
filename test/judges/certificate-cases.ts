import fc from "fast-check";
import { MAX_VALUES_BYTES } from "../../src/core/certificate/lint-template.ts";
import { LIFETIME_SECONDS } from "../../src/core/certificate/validity.ts";
import { MayflyError } from "../../src/core/errors.ts";
import { isUsername } from "../../src/core/identity/username.ts";
import type { FulcioExtensions, SubjectAltName } from "../../src/core/identity/principal.ts";
import { assembleSubjectUri } from "../../src/core/identity/template/assemble-uri.ts";
import type { KeyAlgorithm } from "../../src/core/proof/public-key.ts";
import { FULCIO_VALUES } from "./fulcio-values.ts";

/** Keys of certificate authorities: those that the profile lets sign leaves. */
export const CA_KEYS = ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048", "rsa-3072", "rsa-4096"] as const;

/** A certificate authority by what it is like. */
export interface AuthorityKind {
  readonly key: (typeof CA_KEYS)[number];
  readonly shape: "root and issuing CA" | "lone root";
  /** When it was made: its dates, and those of its leaves, lie on one side of 2050 or on both. */
  readonly made: "2026" | "2049";
}

/** Everything that varies from one judged certificate to the next. */
export interface CertificateCase {
  readonly authority: AuthorityKind;
  readonly key: KeyAlgorithm;
  readonly subjectAltName: SubjectAltName;
  readonly extensions: FulcioExtensions;
  readonly serialNumber: Uint8Array;
  readonly nowMs: number;
  readonly lifetimeSeconds: number;
  readonly backdateSeconds: number;
  /** How long after `nowMs` the log answers. */
  readonly sctDelayMs: number;
  readonly leafIndex: number;
}

const oneOf = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);

/** Lengths in octets around which the form of a DER length, or our own limit, changes. */
const EDGES = [1, 2, 125, 126, 127, 128, 129, 253, 254, 255, 256, 257, 1023, 1024];
const valueLength = fc.oneof({ weight: 2, arbitrary: oneOf(...EDGES) }, fc.integer({ min: 1, max: 300 }));

/** Text of one to four octets a character, right-to-left, combining, beyond the BMP, and what parsers trip over. */
const CHARACTERS = Array.from(
  "aZ09 ~\"\\'<>&%\u00a0éßЖא\u0301東京→🚀\u{1f469}\u200d\u{1f4bb}\u202e\u2028\ufeff\ufffd\uffff\u{10ffff}",
);

/** Well-formed text without control characters of exactly so many octets in UTF-8. */
function textOfLength(length: number): fc.Arbitrary<string> {
  const pick = fc.infiniteStream(fc.oneof(oneOf(...CHARACTERS), oneOf("x", "é", "東", "🚀")));
  return pick.map((stream) => {
    let text = "";
    let octets = 0;
    for (const character of stream) {
      const size = Buffer.byteLength(character);
      if (octets + size > length) break;
      text += character;
      octets += size;
    }
    return text.padEnd(text.length + length - octets, ".");
  });
}

const text = valueLength.chain(textOfLength);

const OPTIONAL_NAMES = [...new Set(FULCIO_VALUES.map(([, name]) => name))].filter((name) => name !== "issuer");

/** Any subset of the extensions, an empty value here and there, as much as fits into a certificate. */
const extensions: fc.Arbitrary<FulcioExtensions> = fc
  .tuple(
    text,
    fc
      .subarray(OPTIONAL_NAMES)
      .chain((names) =>
        fc.tuple(
          ...names.map((name) =>
            fc.tuple(fc.constant(name), fc.oneof({ weight: 9, arbitrary: text }, fc.constant(""))),
          ),
        ),
      ),
  )
  .map(([issuer, values]) => {
    const kept: [string, string][] = [["issuer", issuer]];
    let room = MAX_VALUES_BYTES - 2 * Buffer.byteLength(issuer) - 1_024;
    for (const [name, value] of values) {
      const size = Buffer.byteLength(value);
      if (size > room) continue;
      room -= size;
      kept.push([name, value]);
    }
    return { issuer, ...Object.fromEntries(kept) };
  });

const asciiText = (pattern: RegExp, length: fc.Arbitrary<number>): fc.Arbitrary<string> => {
  const characters = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)).filter((c) => pattern.test(c));
  return length
    .chain((count) => fc.array(oneOf(...characters), { minLength: count, maxLength: count }))
    .map((all) => all.join(""));
};

const shortLength = fc.oneof(oneOf(1, 2, 60, 64, 120), fc.integer({ min: 1, max: 40 }));

const email: fc.Arbitrary<SubjectAltName> = fc
  .tuple(
    fc.oneof(asciiText(/[!-?A-~]/u, shortLength), asciiText(/[a-z0-9.+-]/u, shortLength)),
    fc.oneof(
      asciiText(/[!-?A-~]/u, shortLength),
      fc.domain(),
      oneOf("example.com", "[IPv6:2001:db8::1]", "xn--bcher-kva.example"),
    ),
  )
  .map(([local, domain]) => ({ kind: "email", value: `${local}@${domain}` }));

/** As issuance makes them: a configured base, a path from a token, percent-encoded where it must be. */
const workflowUri = fc
  .tuple(
    oneOf("https://github.com", "https://git.example:8443"),
    fc.array(
      text.filter((t) => t.length < 90),
      { minLength: 1, maxLength: 3 },
    ),
  )
  .map(([base, segments]) => {
    try {
      const workflow = { text: segments.join("/"), claim: "job_workflow_ref" };
      return assembleSubjectUri([{ text: `${base}/` }, workflow], () => false);
    } catch (error) {
      if (!(error instanceof MayflyError)) throw error;
      return undefined;
    }
  })
  .filter((uri) => uri !== undefined);

/** Anything the profile calls an absolute URI. */
const anyUri = fc
  .tuple(
    oneOf("https", "spiffe", "urn", "git+ssh", "x-y.z"),
    fc.oneof(
      fc.constant(""),
      fc.constant("//"),
      fc.domain().map((d) => `//${d}`),
      asciiText(/[A-Za-z0-9._~:@!$&'()*+,;=[\]-]/u, shortLength).map((a) => `//${a}`),
    ),
    fc.oneof(fc.webPath(), asciiText(/[A-Za-z0-9._~:/?#[\]@!$&'()*+,;=-]/u, shortLength)),
  )
  .map(([scheme, authority, rest]) => `${scheme}:${authority}${rest}`);

const uri: fc.Arbitrary<SubjectAltName> = fc.oneof(workflowUri, anyUri).map((value) => ({ kind: "uri", value }));

/** As issuance makes them: a user of a configured domain. */
const username: fc.Arbitrary<SubjectAltName> = fc
  .tuple(text.filter(isUsername), fc.domain())
  .map(([user, domain]) => ({ kind: "username", value: `${user}!${domain.toLowerCase()}` }));

/** 20 octets, first bit clear; many begin with zeros or with a second octet whose high bit makes DER add one. */
const serialNumber: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    oneOf<readonly number[]>(
      [],
      [0x00, 0x80],
      [0x00, 0xff],
      [0x00, 0x7f],
      [0x00, 0x00, 0x80],
      [0x01],
      [0x7f, 0xff],
      [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    ),
    fc.uint8Array({ minLength: 20, maxLength: 20 }),
  )
  .map(([start, octets]) => {
    const serial = Uint8Array.from(octets);
    serial.set(start);
    serial[0] = (serial[0] ?? 0) % 0x80;
    if (serial.subarray(0, 12).every((octet) => octet === 0)) serial[11] = 1;
    return serial;
  });

const YEAR_2050_MS = Date.UTC(2050, 0, 1);
const MADE_MS: Readonly<Record<AuthorityKind["made"], number>> = {
  "2026": Date.UTC(2026, 10, 22),
  "2049": Date.UTC(2049, 5, 1),
};

/** When a certificate authority of this kind was made, milliseconds. */
export function madeMs(authority: AuthorityKind): number {
  return MADE_MS[authority.made];
}

function moment(made: AuthorityKind["made"]): fc.Arbitrary<number> {
  const anyTime = fc.integer({ min: 3_600_000, max: 2 * 365 * 86_400_000 }).map((after) => MADE_MS[made] + after);
  if (made === "2026") return anyTime;
  const atBoundary = fc.integer({ min: -3_700_000, max: 3_700_000 }).map((by) => YEAR_2050_MS + by);
  const exactly = oneOf(-3_600_001, -3_600_000, -600_000, -1_000, -1, 0, 1, 999, 1_000).map((by) => YEAR_2050_MS + by);
  return fc.oneof(anyTime, atBoundary, exactly);
}

const { min: shortest, max: longest } = LIFETIME_SECONDS;
const clock = (made: AuthorityKind["made"]) =>
  fc.record({
    nowMs: moment(made),
    lifetimeSeconds: fc.oneof(oneOf(shortest, 600, longest), fc.integer({ min: shortest, max: longest })),
    backdateSeconds: oneOf(0, 0, 1, 30, 59),
    sctDelayMs: oneOf(0, 1, 5, 999),
  });

const leafIndex = fc.oneof(
  oneOf(0, 1, 255, 256, 2 ** 31, 2 ** 32, 2 ** 40 - 1),
  fc.integer({ min: 0, max: 2 ** 40 - 1 }),
);

/** Which keys a run uses; RSA keys of certificate authorities are slow to make and to sign with. */
export interface KeyChoice {
  readonly authorities: readonly AuthorityKind["key"][];
  readonly leaves: readonly KeyAlgorithm[];
}

/**
 * Certificates at the edges of the profile (docs/certificate-profile.md). A few names are beyond them: which, is for the
 * profile's own rules to say.
 */
function certificateCases({ authorities, leaves }: KeyChoice): fc.Arbitrary<CertificateCase> {
  return oneOf<AuthorityKind["made"]>("2026", "2049").chain((made) =>
    fc
      .record({
        authority: fc.record({
          key: oneOf(...authorities),
          shape: oneOf<AuthorityKind["shape"]>("root and issuing CA", "lone root"),
          made: fc.constant(made),
        }),
        key: oneOf(...leaves),
        subjectAltName: fc.oneof({ weight: 3, arbitrary: email }, { weight: 3, arbitrary: uri }, username),
        extensions,
        serialNumber,
        times: clock(made),
        leafIndex,
      })
      .map(({ times, ...rest }) => ({ ...rest, ...times })),
  );
}

const PLAIN_NAME: SubjectAltName = { kind: "email", value: "jane@example.com" };

/** Cases drawn from a seed; a few of those around 2050 are moved to where the form of a date changes, with a name that is admitted. */
export function drawCases(choice: KeyChoice, { seed, count }: { seed: number; count: number }): CertificateCase[] {
  const moments = [YEAR_2050_MS - 600_000, YEAR_2050_MS, YEAR_2050_MS - 601_000, YEAR_2050_MS - 1];
  return fc.sample(certificateCases(choice), { seed, numRuns: count }).map((drawn) => {
    const nowMs = drawn.authority.made === "2049" ? moments.shift() : undefined;
    return nowMs === undefined
      ? drawn
      : { ...drawn, nowMs, lifetimeSeconds: 600, backdateSeconds: 0, subjectAltName: PLAIN_NAME };
  });
}
