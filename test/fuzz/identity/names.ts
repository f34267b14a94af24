import { Utf8String } from "asn1js";
import { X509Certificate } from "node:crypto";
import { AltName, Certificate } from "pkijs";
import { checkClaims } from "../../../src/adapters/oidc/check-claims.ts";
import { buildTemplate } from "../../../src/core/certificate/build-template.ts";
import { encodeCertificate, encodeTbs, encodeTemplate } from "../../../src/core/certificate/encode-tbs.ts";
import { parseIssuerChain } from "../../../src/core/certificate/issuer-chain.ts";
import { lintTemplate } from "../../../src/core/certificate/lint-template.ts";
import type { LintedTemplate } from "../../../src/core/certificate/template.ts";
import { JsonError, parseJson } from "../../../src/core/encoding/json-reader.ts";
import type { JsonObject } from "../../../src/core/encoding/json-reader.ts";
import { MayflyError } from "../../../src/core/errors.ts";
import { ANY_TOKEN, NO_CLAIM_RULES } from "../../../src/core/identity/claim-rules.ts";
import { derivePrincipal } from "../../../src/core/identity/derive-principal.ts";
import type { IdentityRules } from "../../../src/core/identity/issuer.ts";
import type { Principal, SubjectAltName } from "../../../src/core/identity/principal.ts";
import { makeKeyPair, proven, serialNumber } from "../../support/certificate-fixtures.ts";
import { comparison, requireSame } from "../comparison.ts";
import { seeds } from "../reader.ts";
import { namedTokens } from "./name-claims.ts";
import type { NamedToken } from "./name-claims.ts";
import { slowlyIsMailbox, slowlyIsSpiffeId, slowlyIsStableUrl, slowlyMayBeUsername } from "./slow-names.ts";

const NOW_MS = Date.UTC(2026, 11, 1);
const CHAIN = parseIssuerChain(seeds("chain")[0]!, NOW_MS);
const KEY = proven(makeKeyPair("ecdsa-p256"), "ecdsa-p256");
const AUDIENCE = "sigstore";

/** What the token of a caller becomes; undefined for one that is refused as the caller's fault, which it is. */
export function principalOf({ rules: identity, issuer: url, claims }: NamedToken): Principal | undefined {
  try {
    const times = { aud: AUDIENCE, iat: NOW_MS / 1000, exp: NOW_MS / 1000 + 600, ...claims };
    const read = parseJson(Buffer.from(JSON.stringify(times)), { maxDepth: 8, maxMembers: 2000 }) as JsonObject;
    const subject = checkClaims(read, { audience: AUDIENCE }, NOW_MS);
    const issuer = { url, audience: AUDIENCE, identity, rules: NO_CLAIM_RULES };
    return derivePrincipal({ issuer, rule: ANY_TOKEN, subject, claims: read });
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}

const isRefusal = (error: unknown): boolean =>
  error instanceof JsonError ||
  (error instanceof MayflyError && (error.code === "invalid_token" || error.code === "policy_denied"));

/** The leaf of a principal; undefined where it says more than a certificate may hold. */
function templateOf(principal: Principal): LintedTemplate | undefined {
  const parts = { principal, key: KEY, nowMs: NOW_MS, issuer: CHAIN, serialNumber: serialNumber() };
  try {
    return lintTemplate(buildTemplate({ ...parts, lifetimeSeconds: 600, backdateSeconds: 0 }));
  } catch (error) {
    // Anything else would be answered as our own fault.
    if (error instanceof MayflyError && error.reason === "EXTENSIONS_TOO_LONG") return undefined;
    throw error;
  }
}

/** The names of a certificate, as pkijs reads them. */
function namesIn(der: Uint8Array): readonly unknown[] {
  const { extensions = [] } = Certificate.fromBER(Uint8Array.from(der));
  const names: unknown = extensions.find(({ extnID }) => extnID === "2.5.29.17")?.parsedValue;
  if (!(names instanceof AltName)) throw new TypeError("no subjectAltName");
  return names.altNames.map(({ type, value }: { type: number; value: unknown }) => {
    if (type !== 0) return [type, value];
    const [, wrapped] = (value as { valueBlock: { value: readonly { valueBlock: { value: unknown[] } }[] } }).valueBlock
      .value;
    const [text] = wrapped?.valueBlock.value ?? [];
    return [type, text instanceof Utf8String ? text.getValue() : text];
  });
}

const GENERAL_NAME: Readonly<Record<SubjectAltName["kind"], number>> = { username: 0, email: 1, uri: 6 };

/** As Node.js writes the name that OpenSSL read: in quotation marks where a character could end it. */
function asNodeWrites({ kind, value }: SubjectAltName): string {
  if (kind === "username") return "othername:<unsupported>";
  const text = /[",'\\]/u.test(value) ? JSON.stringify(value).replaceAll(",", "\\u002c") : value;
  return `${kind === "email" ? "email" : "URI"}:${text}`;
}

/** Whether somebody who takes names apart slowly would have given this one. */
function isFit(rules: IdentityRules, { value }: SubjectAltName): boolean {
  switch (rules.kind) {
    case "email":
      return slowlyIsMailbox(value);
    case "username":
      return (
        value.endsWith(`!${rules.subjectDomain}`) &&
        slowlyMayBeUsername(value.slice(0, -1 - rules.subjectDomain.length))
      );
    case "spiffe":
      return slowlyIsSpiffeId(value, rules.trustDomain);
    case "uri":
      return slowlyIsStableUrl(value, rules.subjectDomain);
    case "kubernetes":
      return slowlyIsStableUrl(value, "https://kubernetes.io") && value.split("/").length === 7;
    case "chainguard":
    case "ci-provider":
      return slowlyIsStableUrl(value, /^https:\/\/[^/]*/u.exec(value)?.[0] ?? "none");
  }
}

/** Whether a token that is refused names somebody by an address that is none. */
function isRefusedRightly({ rules, claims }: NamedToken): boolean {
  const { sub, email } = claims;
  if (rules.kind === "email") return typeof email !== "string" || !slowlyIsMailbox(email);
  if (rules.kind !== "spiffe") return true;
  return typeof sub !== "string" || sub.length > 1024 || !slowlyIsSpiffeId(sub, rules.trustDomain);
}

/** Names in certificates. */
export const NAMES = comparison({
  name: "names",
  weight: 2,
  needed: ["email", "username", "spiffe", "uri", "kubernetes", "chainguard", "ci-provider", "refused", "too long"],
  inputs: namedTokens(),
  compare: (token) => {
    const principal = principalOf(token);
    if (principal === undefined) {
      requireSame(isRefusedRightly(token), true);
      return "refused";
    }
    const { subjectAltName } = principal;
    requireSame([subjectAltName.value, isFit(token.rules, subjectAltName)], [subjectAltName.value, true]);
    const template = templateOf(principal);
    if (template === undefined) return "too long";
    const tbs = encodeTbs(encodeTemplate(template), { kind: "poison" });
    const der = encodeCertificate(tbs, CHAIN.signatureAlgorithm, Uint8Array.of(0));
    requireSame(namesIn(der), [[GENERAL_NAME[subjectAltName.kind], subjectAltName.value]]);
    requireSame(new X509Certificate(der).subjectAltName, asNodeWrites(subjectAltName));
    return token.rules.kind;
  },
});
