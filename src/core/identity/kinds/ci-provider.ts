import { MayflyError } from "../../errors.ts";
import type { CiProviderRules, ClaimPolicy, Setting } from "../ci-provider.ts";
import type { VerifiedIdToken } from "../id-token.ts";
import { NO_EXTENSIONS } from "../principal.ts";
import type { FulcioExtensions, Principal } from "../principal.ts";
import { scalarClaim } from "../scalar-claim.ts";
import { assembleSubjectUri, assembleValue, originOf } from "../template/assemble-uri.ts";
import { evaluateTemplate } from "../template/evaluate-template.ts";
import type { TemplateValues } from "../template/evaluate-template.ts";
import type { Template } from "../template/template.ts";

/**
 * A job of a CI platform: the provider's templates make the name, a URI, and the extensions of what the token says; the
 * challenge is the token's subject. An extension whose template gives nothing is left out. What the operator has set, no
 * claim changes: a token that contradicts it is refused.
 *
 * @throws MayflyError TOKEN_CLAIM_MISSING, TOKEN_CLAIM_INVALID or SAN_NOT_PERMITTED
 */
export function deriveCiProviderPrincipal(token: VerifiedIdToken, rules: CiProviderRules): Principal {
  const values = makeValues(token, rules);
  for (const name of rules.settings.keys()) checkSetting(token, name, values.setting(name));
  const isOwn = (origin: string): boolean => isOwnOrigin(origin, token, rules);
  const pieces = evaluateTemplate(rules.subjectAltName, values);
  return {
    challenge: token.subject,
    challengeClaim: "sub",
    subjectAltName: { kind: "uri", value: assembleSubjectUri(pieces, isOwn) },
    extensions: deriveExtensions(token, rules, (template) => {
      const [part, more] = template;
      if (part?.kind === "claim" && more === undefined) return values.claim(part.name);
      return assembleValue(evaluateTemplate(template, values), isOwn);
    }),
  };
}

function deriveExtensions(
  { issuer, subject }: VerifiedIdToken,
  { extensions }: CiProviderRules,
  evaluate: (template: Template) => string,
): FulcioExtensions {
  const values = { ...NO_EXTENSIONS, issuer: issuer.url, tokenSubject: subject };
  for (const { field, template } of extensions) {
    const text = evaluate(template);
    if (text !== "") values[field] = text;
  }
  return values;
}

/** Claims are read once: those that are required at once, the others when a template needs them. */
function makeValues(token: VerifiedIdToken, { claims, settings }: CiProviderRules): TemplateValues {
  const known = new Map<string, string>();
  for (const [name, policy] of claims) if (policy.required) known.set(name, readClaim(token, name, policy));
  return {
    claim: (name) => {
      let text = known.get(name);
      if (text === undefined) known.set(name, (text = readClaim(token, name, claims.get(name) ?? NEEDED)));
      return text;
    },
    setting: (name) => settingText(settings.get(name), token),
  };
}

/** Of a claim without a policy of its own, which checked rules do not have. */
const NEEDED: ClaimPolicy = { required: true };

/** @throws MayflyError TOKEN_CLAIM_MISSING, TOKEN_CLAIM_INVALID */
function readClaim(token: VerifiedIdToken, name: string, { absent, oneOf }: ClaimPolicy): string {
  const text = scalarClaim(token.claims, name) ?? absent ?? "";
  if (text === "") {
    if (absent === undefined) throw new MayflyError("TOKEN_CLAIM_MISSING", `the token has no ${name} claim`);
    return text;
  }
  if (oneOf?.includes(text) ?? true) return text;
  throw new MayflyError("TOKEN_CLAIM_INVALID", `the ${name} claim says something that is not provided for`);
}

/** @throws MayflyError TOKEN_CLAIM_INVALID */
function checkSetting(token: VerifiedIdToken, name: string, text: string): void {
  const said = scalarClaim(token.claims, name) ?? "";
  if (said === "" || said === text) return;
  throw new MayflyError("TOKEN_CLAIM_INVALID", `the ${name} claim contradicts the setting of that name`);
}

function settingText(setting: Setting | undefined, { issuer }: VerifiedIdToken): string {
  return (setting?.kind === "text" ? setting.text : originOf(issuer.url)) ?? "";
}

function isOwnOrigin(origin: string, token: VerifiedIdToken, { settings }: CiProviderRules): boolean {
  if (origin === originOf(token.issuer.url)) return true;
  return [...settings.values()].some((setting) => setting.kind === "text" && originOf(setting.text) === origin);
}
