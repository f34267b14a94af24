import {
  haveCommonUrl,
  IssuerPatternError,
  matchesIssuerPattern,
  parseIssuerPattern,
  splitIssuerUrl,
} from "../core/identity/issuer-pattern.ts";
import type { IssuerPattern } from "../core/identity/issuer-pattern.ts";
import { isDeepStrictEqual } from "node:util";
import { isLoopback } from "./loopback.ts";
import { registeredPart } from "./public-suffix.ts";
import type { ConfigProblem, Rule } from "./rule.ts";
import type { IssuerConfig } from "./schema.ts";
import { sharedIssuerClaim } from "./shared-issuers.ts";

type IssuerRule = (
  issuer: IssuerConfig,
) => readonly { readonly setting: keyof IssuerConfig; readonly message: string }[];

/** Whether an entry stands for the issuers of a pattern. */
export function isPatternEntry({ url }: Pick<IssuerConfig, "url">): boolean {
  return url.includes("*");
}

/** Whether tokens of this URL are an entry's, by its own URL or its pattern. */
export function isTrustedBy(issuer: Pick<IssuerConfig, "url" | "allowBroadWildcard">, url: string): boolean {
  if (!isPatternEntry(issuer)) return issuer.url === url;
  if (patternFault(issuer.url, issuer.allowBroadWildcard) !== undefined) return false;
  const split = splitIssuerUrl(url);
  return split !== undefined && matchesIssuerPattern(parseIssuerPattern(issuer.url, issuer), split);
}

/** Host of a URL that the schema took. */
export function hostOf(url: string): string {
  const host = /^https?:\/\/(?:\[(?<v6>[^\]]*)\]|(?<name>[^/:]*))/u.exec(url)?.groups;
  return host?.["v6"] ?? host?.["name"] ?? "";
}

const withoutTls: IssuerRule = ({ url, allowInsecureHttp }) => {
  if (!url.startsWith("http://")) return [];
  if (!allowInsecureHttp) return [{ setting: "url", message: "expected an https URL" }];
  return isLoopback(hostOf(url))
    ? []
    : [{ setting: "url", message: "an issuer without TLS must be on a loopback address" }];
};

/** Otherwise every token of that issuer would be refused, for keys that may not be fetched. */
const onThisMachine: IssuerRule = ({ url, allowPrivateNetwork }) =>
  isLoopback(hostOf(url)) && !allowPrivateNetwork
    ? [{ setting: "url", message: "an issuer on this machine needs allowPrivateNetwork: true" }]
    : [];

/** Whoever can bring about a URL that a pattern matches chooses where its documents are fetched from. */
const pattern: IssuerRule = (issuer) => {
  if (!isPatternEntry(issuer)) {
    return issuer.allowBroadWildcard
      ? [{ setting: "allowBroadWildcard", message: "is for a pattern, and this URL has no star" }]
      : [];
  }
  const { url, allowBroadWildcard, allowInsecureHttp, allowPrivateNetwork } = issuer;
  const fault = patternFault(url, allowBroadWildcard);
  return [
    ...(fault === undefined ? [] : [{ setting: "url" as const, message: fault }]),
    ...(allowInsecureHttp
      ? [{ setting: "allowInsecureHttp" as const, message: "is for one issuer, and this is a pattern of many" }]
      : []),
    ...(allowPrivateNetwork
      ? [
          {
            setting: "allowPrivateNetwork" as const,
            message: "is for one issuer: a pattern would let strangers choose hosts of the private network",
          },
        ]
      : []),
  ];
};

/** What is wrong with a pattern of issuers; undefined when it is one. */
export function patternFault(url: string, allowBroadWildcard: boolean): string | undefined {
  try {
    parseIssuerPattern(url, { allowBroadWildcard });
    return allowBroadWildcard || registeredPart(hostOf(url).toLowerCase()) !== undefined ? undefined : OPEN_DOMAIN;
  } catch (error) {
    if (error instanceof IssuerPatternError) return error.message;
    throw error;
  }
}

const OPEN_DOMAIN =
  "a star below a public suffix, as *.co.uk and *.github.io, trusts domains that anybody can register; " +
  "allowBroadWildcard: true permits it all the same";

/** Where many tenants share an issuer, its signature says nothing about whose the token is. */
const sharedByMany: IssuerRule = ({ url, allow, allowBroadWildcard, identity }) => {
  if (allow !== undefined || patternFaultOf(url, allowBroadWildcard)) return [];
  const claim = sharedIssuerClaim(url);
  const isOfDomains = claim === "email" && identity.kind === "email" && identity.domains !== undefined;
  if (claim === undefined || isOfDomains) return [];
  const ways = [
    ...(identity.kind === "email" && claim === "email" ? ["domains: [example.com] in its identity"] : []),
    `allow: [{ claims: { ${claim}: ${claim === "email" ? '{ glob: "*@example.com" }' : "[…]"} } }]`,
  ];
  const message =
    `many organizations share this issuer; write whose tokens are taken, ${ways.join(", or ")}, ` +
    "or allow: any for everybody's";
  return [{ setting: "url", message }];
};

const patternFaultOf = (url: string, allowBroadWildcard: boolean): boolean =>
  url.includes("*") && patternFault(url, allowBroadWildcard) !== undefined;

const ruleNames: IssuerRule = ({ allow, deny }) => {
  const lists = [
    ["allow", typeof allow === "object" ? allow : []],
    ["deny", deny],
  ] as const;
  const names = lists.flatMap(([setting, rules]) =>
    rules.flatMap(({ name }) => (name === undefined ? [] : [{ setting, name }])),
  );
  return names
    .filter(({ name }, index) => names.findIndex((other) => other.name === name) !== index)
    .map(({ setting, name }) => ({ setting, message: `another rule of this issuer is called ${name}` }));
};

/** Settings that say where documents are, of which not all go together. */
const places: IssuerRule = (issuer) => {
  const { jwksFile, jwksUrl } = issuer;
  const idle = (settings: readonly (keyof IssuerConfig)[], why: string) =>
    settings.filter((name) => issuer[name] !== undefined).map((setting) => ({ setting, message: why }));
  return [
    ...(jwksFile === undefined
      ? []
      : idle(
          ["discoveryUrl", "jwksUrl", "jwksHosts", "bearerTokenFile"],
          "is of no use with jwksFile: nothing is fetched",
        )),
    ...(jwksUrl === undefined
      ? []
      : idle(["discoveryUrl", "jwksHosts"], "is of no use with jwksUrl: no discovery document is fetched")),
    ...(isPatternEntry(issuer)
      ? idle(
          ["discoveryUrl", "jwksUrl", "jwksFile", "bearerTokenFile"],
          "is for one issuer, and this is a pattern of many",
        )
      : []),
  ];
};

/** Whoever can answer in the place of a document chooses the keys. */
const placesWithTls: IssuerRule = ({ url, allowInsecureHttp, bearerTokenFile, ...issuer }) => {
  const plain = (["discoveryUrl", "jwksUrl"] as const).filter((name) => issuer[name]?.startsWith("http://") === true);
  return [
    ...(allowInsecureHttp ? [] : plain.map((setting) => ({ setting, message: "expected an https URL" }))),
    ...(bearerTokenFile !== undefined && (url.startsWith("http://") || plain.length > 0)
      ? [
          {
            setting: "bearerTokenFile" as const,
            message: "is sent over TLS only, and a URL of this issuer is not https",
          },
        ]
      : []),
  ];
};

const OF_EACH: readonly IssuerRule[] = [
  withoutTls,
  onThisMachine,
  pattern,
  sharedByMany,
  ruleNames,
  places,
  placesWithTls,
];

const each: Rule = ({ issuers }) =>
  issuers.flatMap((issuer, index) =>
    OF_EACH.flatMap((rule) =>
      rule(issuer).map(({ setting, message }) => ({ path: ["issuers", index, setting], message })),
    ),
  );

/** What entries of one issuer may differ in: everything else says how its documents are fetched, which is done once. */
const OF_ONE_AUDIENCE: ReadonlySet<string> = new Set<keyof IssuerConfig>([
  "allow",
  "allowBroadWildcard",
  "audience",
  "deny",
  "identity",
  "leewaySeconds",
  "maxLifetimeSeconds",
  "requireAzp",
  "requireKeyProof",
  "singleUse",
  "strictAudience",
  "types",
]);

const oneIssuerOnce: Rule = ({ issuers }) =>
  issuers.flatMap((issuer, index): ConfigProblem[] => {
    const first = issuers.findIndex(({ url }) => url === issuer.url);
    const sameEntry = issuers.findIndex(({ url, audience }) => url === issuer.url && audience === issuer.audience);
    if (sameEntry !== index) {
      return [{ path: ["issuers", index, "url"], message: "this issuer is configured twice for this audience" }];
    }
    const before = issuers[first] ?? issuer;
    const settings = new Set([...Object.keys(issuer), ...Object.keys(before)] as (keyof IssuerConfig)[]);
    return [...settings]
      .filter((name) => !OF_ONE_AUDIENCE.has(name) && !isDeepStrictEqual(issuer[name], before[name]))
      .map((name) => ({
        path: ["issuers", index, name],
        message: `is another one for the audience ${before.audience} of this issuer, whose documents are fetched once`,
      }));
  });

/** Which of two patterns trusts an issuer must not depend on anything but the issuer. */
const distinctPatterns: Rule = ({ issuers }) => {
  const patterns: IssuerPattern[] = [];
  return issuers.flatMap(({ url }, index) => {
    if (!url.includes("*") || patternFault(url, true) !== undefined) return [];
    const own = parseIssuerPattern(url, { allowBroadWildcard: true });
    const other = patterns.find((before) => before.text !== url && haveCommonUrl(before, own));
    patterns.push(own);
    return other === undefined
      ? []
      : [
          {
            path: ["issuers", index, "url"],
            message: `there are URLs that both ${url} and ${other.text} match`,
          },
        ];
  });
};

/** What must hold of issuers, each and together. */
export const ISSUER_RULES: readonly Rule[] = [each, oneIssuerOnce, distinctPatterns];
