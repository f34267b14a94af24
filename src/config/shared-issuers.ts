import {
  haveCommonUrl,
  matchesIssuerPattern,
  parseIssuerPattern,
  splitIssuerUrl,
} from "../core/identity/issuer-pattern.ts";
import type { IssuerPattern } from "../core/identity/issuer-pattern.ts";

/** Issuers that give tokens to whoever has an account there, by URL; and the claim that tells whose a token is. */
const SHARED: ReadonlyMap<string, string> = new Map([
  ["https://accounts.google.com", "email"],
  ["https://agent.buildkite.com", "organization_slug"],
  ["https://app.terraform.io", "terraform_organization_name"],
  ["https://appleid.apple.com", "email"],
  ["https://auth.eclipse.org/auth/realms/foundation-service-accounts", "email"],
  ["https://dev.gitlab.org", "namespace_path"],
  ["https://gitlab.archlinux.org", "namespace_path"],
  ["https://gitlab.com", "namespace_path"],
  ["https://issuer.chainops.dev", "sub"],
  ["https://issuer.enforce.dev", "sub"],
  ["https://issuer.hello.coop", "email"],
  ["https://login.microsoftonline.com/common/v2.0", "tid"],
  ["https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0", "email"],
  ["https://oauth2.sigstage.dev/auth", "email"],
  ["https://oauth2.sigstore.dev/auth", "email"],
  ["https://oidc.buddyusercontent.com", "workspace_domain"],
  ["https://oidc.circleci.com", "oidc.circleci.com/project-id"],
  ["https://oidc.codefresh.io", "account_name"],
  ["https://oidc.vercel.com", "owner"],
  ["https://ops.gitlab.net", "namespace_path"],
  ["https://sigstore.verify.ibm.com/oauth2", "email"],
  ["https://token.actions.githubusercontent.com", "repository_owner"],
  ["https://www.kaggle.com/api/v1/models/signing", "email"],
]);

/** Regions of a platform in which all customers have one issuer. */
const REGIONS: readonly (readonly [IssuerPattern, claim: string])[] = [
  [parseIssuerPattern("https://*-oidc.buddyusercontent.com"), "workspace_domain"],
];

interface Platform {
  readonly pattern: IssuerPattern;
  /** Place of the part that says which customer it is. */
  readonly customer: number;
}

/** Platforms that give each customer an issuer: one of them is one organization's, a pattern of them is everybody's. */
const PLATFORMS: readonly Platform[] = [
  "https://CUSTOMER.*.auth0.com/",
  "https://CUSTOMER.app.spacelift.io",
  "https://CUSTOMER.auth0.com/",
  "https://CUSTOMER.okta.com",
  "https://CUSTOMER.okta.com/oauth2/*",
  "https://*.oic.prod-aks.azure.com/CUSTOMER/*",
  "https://*.oic.prod-aks.azure.com/CUSTOMER/*/",
  "https://api.bitbucket.org/2.0/workspaces/CUSTOMER/pipelines-config/identity/oidc",
  "https://cognito-idp.*.amazonaws.com/CUSTOMER",
  "https://container.googleapis.com/v1/projects/CUSTOMER/locations/*/clusters/*",
  "https://login.microsoftonline.com/CUSTOMER/v2.0",
  "https://oidc.circleci.com/org/CUSTOMER",
  "https://oidc.eks.*.amazonaws.com/id/CUSTOMER",
  "https://oidc.fly.io/CUSTOMER",
  "https://oidc.prod-aks.azure.com/CUSTOMER",
  "https://oidc.prod-aks.azure.com/CUSTOMER/",
  "https://oidc.prod-aks.azure.com/CUSTOMER/*",
  "https://oidc.vercel.com/CUSTOMER",
  "https://securetoken.google.com/CUSTOMER",
  "https://sts.windows.net/CUSTOMER/",
  "https://token.actions.CUSTOMER.ghe.com",
  "https://token.actions.githubusercontent.com/CUSTOMER",
  "https://vstoken.dev.azure.com/CUSTOMER",
].map((text) => ({
  pattern: parseIssuerPattern(text.replace("CUSTOMER", "*")),
  customer: splitIssuerUrl(text)?.parts.indexOf("CUSTOMER") ?? -1,
}));

/**
 * Whether an issuer, or the issuers of a pattern, give tokens to people of more than one organization, as far as is known:
 * those of Sigstore's public Fulcio, of CI and cloud platforms, and some that private Fulcios are known to name.
 *
 * @param url an issuer's URL or a well-formed pattern
 * @returns the name of a claim that tells whose a token is; undefined for one that is not known to be shared
 */
export function sharedIssuerClaim(url: string): string | undefined {
  return url.includes("*") ? claimOfPattern(parseIssuerPattern(url, { allowBroadWildcard: true })) : claimOfUrl(url);
}

/** Whether {@link sharedIssuerClaim} knows the issuer to be shared. */
export function isSharedIssuer(url: string): boolean {
  return sharedIssuerClaim(url) !== undefined;
}

function claimOfUrl(url: string): string | undefined {
  const split = splitIssuerUrl(url);
  if (split === undefined) return undefined;
  return SHARED.get(url) ?? REGIONS.find(([region]) => matchesIssuerPattern(region, split))?.[1];
}

function claimOfPattern(pattern: IssuerPattern): string | undefined {
  const isMatched = (url: string): boolean => {
    const split = splitIssuerUrl(url);
    return split !== undefined && matchesIssuerPattern(pattern, split);
  };
  const shared =
    [...SHARED].find(([url]) => isMatched(url)) ?? REGIONS.find(([region]) => haveCommonUrl(pattern, region));
  if (shared !== undefined) return shared[1];
  return PLATFORMS.some((platform) => isOfEveryCustomer(pattern, platform)) ? "iss" : undefined;
}

function isOfEveryCustomer(pattern: IssuerPattern, platform: Platform): boolean {
  const customer = pattern.parts[platform.customer] ?? [];
  return customer.length > 1 && haveCommonUrl(pattern, platform.pattern);
}
