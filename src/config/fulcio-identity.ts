import { assumedSettings } from "./assumed-settings.ts";
import type { FulcioIssuer } from "./fulcio-issuer-file.ts";
import type { IdentityInput } from "./identity-schema.ts";
import { openProviderPack, providerFile } from "./provider-pack.ts";

/** What an issuer's tokens become with Mayfly. */
export type IdentityTranslation =
  /** `settings` is what stands at `identity` in our configuration. */
  | { readonly kind: "settings"; readonly settings: IdentityInput }
  /** What `ci-issuer-metadata` says of the provider. */
  | { readonly kind: "provider"; readonly provider: string };

/** Fulcio's types whose templates are part of its program. */
const DEPRECATED: ReadonlyMap<string, string> = new Map([
  ["buildkite-job", "buildkite-job-legacy"],
  ["codefresh-workflow", "codefresh"],
  ["github-workflow", "github-workflow-legacy"],
  ["gitlab-pipeline", "gitlab-pipeline-legacy"],
]);

/**
 * The identities of an issuer of Fulcio's in our words: of each token the same name and the same extensions.
 *
 * @returns undefined for a type that Fulcio does not have, which it takes no tokens of
 */
export function translateIdentity(issuer: FulcioIssuer): IdentityTranslation | undefined {
  const { type } = issuer;
  if (type === "ci-provider") return { kind: "provider", provider: issuer["ci-provider"] };
  const pack = DEPRECATED.get(type);
  const settings = pack === undefined ? translatePlainKind(issuer) : packIdentity(pack, issuer);
  return settings === undefined ? undefined : { kind: "settings", settings };
}

/**
 * A pack of Mayfly's for an issuer of Fulcio's, whatever its URL: to Fulcio every issuer of a type is of one platform.
 *
 * @param settings the operator's own
 */
export function packIdentity(
  provider: string,
  { key }: Pick<FulcioIssuer, "key">,
  settings: Readonly<Record<string, string>> = {},
): IdentityInput {
  const opened = openProviderPack(providerFile(provider));
  const assumed = opened.kind === "templates" ? Object.fromEntries(assumedSettings(opened.pack, key)) : {};
  const all = { ...assumed, ...settings };
  return { kind: "ci-provider", provider, ...(Object.keys(all).length === 0 ? {} : { settings: all }) };
}

/** The kinds that have no templates; undefined for others. */
function translatePlainKind(issuer: FulcioIssuer): IdentityInput | undefined {
  switch (issuer.type) {
    case "email":
      return translateEmail(issuer);
    case "uri":
    case "username":
      return { kind: issuer.type, subjectDomain: issuer["subject-domain"] };
    case "spiffe":
      return { kind: "spiffe", trustDomain: trustDomainOf(issuer["spiffe-trust-domain"]) };
    case "kubernetes":
      return { kind: "kubernetes" };
    case "chainguard-identity":
      return { kind: "chainguard" };
    default:
      return undefined;
  }
}

/** Fulcio takes the texts "true" and "True" of every issuer, and an address that is not verified where it is told so. */
function translateEmail(issuer: FulcioIssuer): IdentityInput {
  const issuerClaim = issuer["issuer-claim"];
  return {
    kind: "email",
    ...(issuer["skip-email-verification"] ? { emailTrust: "unverified" } : { acceptTextVerified: true }),
    ...(issuerClaim === "" ? {} : { issuerClaim }),
  };
}

/** Fulcio takes a bare name as well as a SPIFFE ID, of which it reads the trust domain. */
function trustDomainOf(text: string): string {
  return /^spiffe:\/\/(?<name>[^/]*)/u.exec(text)?.groups?.["name"] ?? text;
}
