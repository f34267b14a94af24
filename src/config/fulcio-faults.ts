import type { FulcioCiMetadata, FulcioIssuer } from "./fulcio-issuer-file.ts";
import { nearestName } from "./nearest-name.ts";
import type { ConfigProblem } from "./rule.ts";

type Fault = (
  issuer: FulcioIssuer,
  ciMetadata: ReadonlyMap<string, FulcioCiMetadata>,
) => { readonly member: keyof FulcioIssuer | "url"; readonly message: string } | undefined;

/** Types of issuers that Fulcio has, and the claim whose value its callers prove to hold a key for. */
export const CHALLENGES: ReadonlyMap<string, "email" | "sub"> = new Map([
  ["email", "email"],
  ...[
    "buildkite-job",
    "chainguard-identity",
    "ci-provider",
    "codefresh-workflow",
    "github-workflow",
    "gitlab-pipeline",
    "kubernetes",
    "spiffe",
    "uri",
    "username",
  ].map((type) => [type, "sub"] as const),
]);

type Member = "ci-provider" | "skip-email-verification" | "spiffe-trust-domain" | "subject-domain";

/** The types with which Fulcio looks at a setting; with others it means nothing, whatever its author meant. */
const USED_BY: Readonly<Record<Member, readonly string[]>> = {
  "ci-provider": ["ci-provider"],
  "skip-email-verification": ["email"],
  "spiffe-trust-domain": ["spiffe"],
  "subject-domain": ["uri", "username"],
};

const ownUrl: Fault = ({ key, isPattern, "issuer-url": url }) => {
  if (url === key || (isPattern && url === "")) return undefined;
  return {
    member: "issuer-url",
    message: url === "" ? `missing: expected ${key}, under which it stands` : `is not ${key}, under which it stands`,
  };
};

const star: Fault = ({ key, isPattern }) => {
  if (isPattern === key.includes("*")) return undefined;
  const message = isPattern
    ? "a meta issuer without a star: expected it among oidc-issuers"
    : "an issuer's URL has no star: expected it among meta-issuers";
  return { member: "url", message };
};

const audience: Fault = ({ "client-id": id }) =>
  id === "" ? { member: "client-id", message: "missing: the audience of its tokens" } : undefined;

const knownType: Fault = ({ type }) => {
  if (CHALLENGES.has(type)) return undefined;
  const nearest = nearestName(type, [...CHALLENGES.keys()]);
  const hint = nearest === undefined ? `there are ${[...CHALLENGES.keys()].join(", ")}` : `did you mean ${nearest}?`;
  return { member: "type", message: `${type === "" ? "missing" : "no such type"}; ${hint}` };
};

const challenge: Fault = ({ type, "challenge-claim": claim }) => {
  const proven = CHALLENGES.get(type);
  if (proven === undefined || claim === "" || claim === proven) return undefined;
  return { member: "challenge-claim", message: `has no effect, in Fulcio neither: callers sign ${proven}` };
};

const issuerClaim: Fault = ({ type, "issuer-claim": claim }) =>
  claim === "" || type === "email"
    ? undefined
    : { member: "issuer-claim", message: "only email issuers can use issuer claim mapping" };

const provider: Fault = ({ type, "ci-provider": name }, ciMetadata) => {
  if (type !== "ci-provider" || ciMetadata.has(name)) return undefined;
  const nearest = nearestName(name, [...ciMetadata.keys()]);
  const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
  const message =
    name === "" ? "missing: which of ci-issuer-metadata it is of" : `ci-issuer-metadata has no ${name}${hint}`;
  return { member: "ci-provider", message };
};

/** Settings that Fulcio does not look at with the issuer's type, each with the types that have it. */
export function membersWithoutEffect(
  issuer: FulcioIssuer,
): readonly { readonly member: Member; readonly types: readonly string[] }[] {
  return (Object.keys(USED_BY) as Member[])
    .map((member) => ({ member, types: USED_BY[member] }))
    .filter(({ member, types }) => issuer[member] !== "" && issuer[member] !== false && !types.includes(issuer.type));
}

const FAULTS: readonly Fault[] = [ownUrl, star, audience, knownType, challenge, issuerClaim, provider];

/**
 * What of an issuer Fulcio would start with and then do something else than is written, or nothing.
 *
 * @returns problems by Fulcio's names; `url` stands for the name that the issuer stands under
 */
export function findFulcioFaults(
  issuer: FulcioIssuer,
  ciMetadata: ReadonlyMap<string, FulcioCiMetadata>,
): readonly ConfigProblem[] {
  const faults = FAULTS.flatMap((fault) => {
    const found = fault(issuer, ciMetadata);
    return found === undefined ? [] : [{ path: [found.member], message: found.message }];
  });
  const idle = membersWithoutEffect(issuer).map(({ member, types }) => ({
    path: [member],
    message: `has no effect with type ${issuer.type}, only with ${types.join(" and ")}`,
  }));
  return [...faults, ...idle];
}
