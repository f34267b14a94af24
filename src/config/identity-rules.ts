import type { IdentityRules } from "../core/identity/issuer.ts";
import type { IdentityConfig } from "./identity-schema.ts";
import { registeredPart, registrableDomain } from "./public-suffix.ts";
import type { ConfigProblem, Rule } from "./rule.ts";
import { isSharedIssuer } from "./shared-issuers.ts";

type Of<Kind extends IdentityRules["kind"]> = Extract<IdentityRules, { kind: Kind }>;

const SCHEME_AND_HOST = /^(?<scheme>https?):\/\/(?<host>\[[^\]]*\]|[^:/]*)/u;

function partsOf(url: string): { readonly scheme: string; readonly host: string } {
  const { scheme = "", host = "" } = SCHEME_AND_HOST.exec(url)?.groups ?? {};
  return { scheme, host: host.toLowerCase() };
}

/**
 * What is wrong with the identities of one issuer: with domains that are nobody's, or not those of the issuer's owner.
 *
 * @param issuerUrl exact, or a pattern with `*`
 * @param identity with its pack read or not
 * @returns problems whose path starts below `identity`
 */
export function findIdentityProblems(
  issuerUrl: string,
  identity: IdentityConfig | IdentityRules,
): readonly ConfigProblem[] {
  switch (identity.kind) {
    case "email":
      return [...findTrustProblems(issuerUrl, identity), ...findDomainProblems(identity.domains ?? [])];
    case "uri":
      return findUriProblems(issuerUrl, identity);
    case "username":
      return findOwnerProblems(issuerUrl, identity.subjectDomain);
    case "spiffe":
      return issuerUrl.includes("*")
        ? [{ path: ["kind"], message: "SPIFFE IDs need an exact issuer: a trust domain has one authority" }]
        : [];
    default:
      return [];
  }
}

function findTrustProblems(
  issuerUrl: string,
  { emailTrust, domains, acceptTextVerified }: Of<"email">,
): ConfigProblem[] {
  if (emailTrust === "forbidden" && (domains !== undefined || acceptTextVerified === true)) {
    return [
      { path: ["emailTrust"], message: "forbidden takes no address, so domains and acceptTextVerified mean nothing" },
    ];
  }
  if (emailTrust !== "tenant-pinned") return [];
  if (issuerUrl.includes("*")) {
    return [{ path: ["emailTrust"], message: "tenant-pinned needs the exact URL of one tenant's issuer" }];
  }
  if (isSharedIssuer(issuerUrl)) {
    return [
      {
        path: ["emailTrust"],
        message: "tenant-pinned is for one tenant's issuer, and many organizations share this one",
      },
    ];
  }
  return domains === undefined
    ? [{ path: ["emailTrust"], message: "tenant-pinned needs domains: the list of those that the tenant owns" }]
    : [];
}

function findDomainProblems(domains: readonly string[]): ConfigProblem[] {
  return domains.flatMap((entry, index): ConfigProblem[] => {
    const path = ["domains", index];
    if (domains.indexOf(entry) !== index) return [{ path, message: "stands here twice" }];
    const domain = entry.replace(/^\*\./u, "");
    return registrableDomain(domain) === undefined
      ? [{ path, message: `${domain} is a public suffix: whoever registers a name below it would be let in` }]
      : [];
  });
}

function findUriProblems(issuerUrl: string, { subjectDomain }: Of<"uri">): ConfigProblem[] {
  const [subject, issuer] = [partsOf(subjectDomain), partsOf(issuerUrl)];
  if (subject.scheme !== issuer.scheme) {
    const message = `subject (${subject.scheme}) and issuer (${issuer.scheme}) URI schemes do not match`;
    return [{ path: ["subjectDomain"], message }];
  }
  return findOwnerProblems(issuerUrl, subject.host);
}

/** An issuer may only name what belongs to its own owner: the registered domain must be the same. */
function findOwnerProblems(issuerUrl: string, subjectHost: string): ConfigProblem[] {
  const { host } = partsOf(issuerUrl);
  if (host === subjectHost) return [];
  const owner = registeredPart(host);
  if (owner !== undefined && owner === registeredPart(subjectHost)) return [];
  const message = `${subjectHost} and the issuer's ${host} are not below one registered domain`;
  return [{ path: ["subjectDomain"], message }];
}

/** The identities of each issuer must be ones that it can vouch for. */
export const identities: Rule = (config) =>
  config.issuers.flatMap((issuer, index) =>
    findIdentityProblems(issuer.url, issuer.identity).map(({ path, message }) => ({
      path: ["issuers", index, "identity", ...path],
      message,
    })),
  );
