import { buildCiProviderRules, CiProviderError, NAME_FIELD } from "../core/identity/ci-provider.ts";
import type { CiProviderRules } from "../core/identity/ci-provider.ts";
import { fulcioCertificates } from "./fulcio-ca-certificates.ts";
import { clusterFiles } from "./fulcio-cluster.ts";
import { findFulcioFaults } from "./fulcio-faults.ts";
import { translateIdentity } from "./fulcio-identity.ts";
import type { FulcioIssuer, FulcioIssuerFile } from "./fulcio-issuer-file.ts";
import { isOnPrivateNetwork } from "./fulcio-issuer-hosts.ts";
import { fulcioProviderDefinition } from "./fulcio-provider.ts";
import { issuerSchema } from "./issuer-schema.ts";
import type { ResolveIdentity } from "./resolve-identities.ts";
import type { ConfigProblem } from "./rule.ts";
import type { IssuerAsWritten, IssuerConfig } from "./schema.ts";

/** An issuer of Fulcio's file as one of ours, and where it is written. */
export interface FulcioEntry {
  readonly issuer: IssuerConfig;
  readonly from: FulcioIssuer;
}

/** Fulcio's file as entries of ours, or what is wrong with it. */
export interface FulcioEntries {
  readonly entries: readonly FulcioEntry[];
  readonly problems: readonly ConfigProblem[];
  /** What means nothing and harms nobody, one line each. */
  readonly warnings: readonly string[];
}

/**
 * Fulcio's issuers in our words: for each token the certificate that Fulcio makes of it. What Fulcio passes over without a
 * word (unknown names, settings without effect, an issuer under another URL than its own) is a problem here.
 *
 * @param resolveIdentity makes rules of identities that packs describe
 */
export function translateFulcioEntries(file: FulcioIssuerFile, resolveIdentity: ResolveIdentity): FulcioEntries {
  const problems: ConfigProblem[] = file.unknown.map(({ key, within, nearest }) => ({
    path: [...within, key],
    place: file.placeOf([...within, key]),
    message: `unknown setting${nearest === undefined ? "" : `; did you mean ${nearest}?`}`,
  }));
  const providers = buildProviders(file, problems);
  const entries = file.issuers.flatMap((from) => {
    const faults = findFulcioFaults(from, file.ciMetadata);
    const made = faults.length > 0 ? { problems: faults } : makeEntry(from, { file, providers, resolveIdentity });
    if ("issuer" in made) return [{ issuer: made.issuer, from }];
    problems.push(...made.problems.map((problem) => locateInFulcioFile(problem, from, file)));
    return [];
  });
  const used = new Set(file.issuers.map((issuer) => issuer["ci-provider"]));
  const unused = [...file.ciMetadata.keys()].filter((name) => !used.has(name));
  return {
    entries,
    problems,
    warnings: unused.map(
      (name) => `${file.placeOf([METADATA, name])}: ${METADATA}: no issuer is of this provider: ${name}`,
    ),
  };
}

const METADATA = "ci-issuer-metadata";

/** Rules by the names of `ci-issuer-metadata`; what is none is a problem, of which its issuers say nothing more. */
function buildProviders(file: FulcioIssuerFile, problems: ConfigProblem[]): ReadonlyMap<string, CiProviderRules> {
  const providers = new Map<string, CiProviderRules>();
  for (const [name, metadata] of file.ciMetadata) {
    try {
      providers.set(name, buildCiProviderRules(fulcioProviderDefinition(name, metadata)));
    } catch (error) {
      if (!(error instanceof CiProviderError)) throw error;
      const within = error.field === NAME_FIELD ? [] : ["extension-templates"];
      const path = [METADATA, name, ...within, error.field];
      problems.push({ path, place: file.placeOf(path), message: error.message });
    }
  }
  return providers;
}

/** What an entry is made with. */
interface EntryParts {
  readonly file: FulcioIssuerFile;
  readonly providers: ReadonlyMap<string, CiProviderRules>;
  readonly resolveIdentity: ResolveIdentity;
}

type Made = { readonly issuer: IssuerConfig } | { readonly problems: readonly ConfigProblem[] };

/** @returns problems by the names that settings have with us */
function makeEntry(from: FulcioIssuer, { file, providers, resolveIdentity }: EntryParts): Made {
  const translated = translateIdentity(from);
  if (translated === undefined) return { problems: [{ path: ["identity"], message: "no such type" }] };
  const isProvider = translated.kind === "provider";
  const parsed = issuerSchema.safeParse(settingsOf(from, file, isProvider ? IN_ITS_PLACE : translated.settings));
  if (!parsed.success) return { problems: parsed.error.issues.map(({ path, message }) => ({ path, message })) };
  const made = isProvider
    ? rulesOf(providers.get(translated.provider))
    : resolveIdentity(parsed.data.identity, from.key);
  if ("problems" in made) {
    return { problems: made.problems.map(({ path, message }) => ({ path: ["identity", ...path], message })) };
  }
  const certificates = fulcioCertificates(from);
  if (certificates === undefined) return { problems: [{ path: ["caCertificate"], message: "no PEM certificate" }] };
  const issuer = { ...parsed.data, identity: made.rules };
  const hasOwn = certificates !== "" && issuer.caCertificate === undefined;
  return { issuer: Object.freeze(hasOwn ? { ...issuer, caCertificatePem: certificates } : issuer) };
}

/** The metadata of a provider are its rules; the schema has no words for them. */
const IN_ITS_PLACE = { kind: "ci-provider", provider: "fulcio" };

const rulesOf = (rules: CiProviderRules | undefined): ReturnType<ResolveIdentity> =>
  rules === undefined ? { problems: [] } : { rules };

function settingsOf(
  from: FulcioIssuer,
  file: FulcioIssuerFile,
  identity: unknown,
): Partial<Record<keyof IssuerAsWritten, unknown>> {
  return {
    url: from.key,
    audience: from["client-id"],
    identity,
    allowInsecureHttp: from.key.startsWith("http://"),
    allowPrivateNetwork: !from.isPattern && isOnPrivateNetwork(from.key),
    ...clusterFiles(from, file),
  };
}

/** What settings of ours are called in Fulcio's file; `url` is the name that an issuer stands under. */
const MEMBERS: Readonly<Record<string, string>> = {
  audience: "client-id",
  identity: "type",
  caCertificate: "ca-cert",
  subjectDomain: "subject-domain",
  trustDomain: "spiffe-trust-domain",
  issuerClaim: "issuer-claim",
};

/**
 * A problem of an entry where Fulcio's file has it.
 *
 * @param problem its path begins below the entry, by our names or Fulcio's
 */
export function locateInFulcioFile(problem: ConfigProblem, from: FulcioIssuer, file: FulcioIssuerFile): ConfigProblem {
  const [setting = "url", inner = ""] = problem.path.map(String);
  const member = MEMBERS[inner] ?? MEMBERS[setting] ?? setting;
  const group = from.isPattern ? "meta-issuers" : "oidc-issuers";
  const path = member === "url" ? [group, from.key] : [group, from.key, member];
  return { path, place: file.placeOf(path), message: problem.message };
}
