import { resolve } from "node:path";
import { ConfigError } from "./config-error.ts";
import { parseFulcioDocument } from "./fulcio-document.ts";
import { locateInFulcioFile, translateFulcioEntries } from "./fulcio-entries.ts";
import type { FulcioEntry } from "./fulcio-entries.ts";
import { FulcioInputError } from "./fulcio-input-error.ts";
import { readFulcioIssuerFile } from "./fulcio-issuer-file.ts";
import type { FulcioIssuerFile } from "./fulcio-issuer-file.ts";
import { patternFault } from "./issuer-rules.ts";
import type { FulcioIssuersConfig, IssuersAsWritten } from "./issuers-schema.ts";
import { prepareIdentities } from "./resolve-identities.ts";
import type { ResolveIdentity } from "./resolve-identities.ts";
import type { ConfigProblem } from "./rule.ts";
import type { IssuerAsWritten, IssuerConfig } from "./schema.ts";
import { isSharedIssuer } from "./shared-issuers.ts";
import { readYamlFile } from "./yaml-file.ts";

/** All issuers of a configuration, whoever's file they are written in. */
export interface ReadIssuers {
  /** Those of the configuration itself first. */
  readonly issuers: readonly IssuerConfig[];
  readonly problems: readonly ConfigProblem[];
  /** What means nothing and harms nobody, one line each. */
  readonly warnings: readonly string[];
  /** A problem of `issuers[n]` where that issuer is written; any other as it is. */
  readonly locate: (problem: ConfigProblem) => ConfigProblem;
}

/**
 * Gathers the issuers of a configuration: those it lists, and those of Fulcio's issuer file where it names one.
 *
 * @param folder what paths are relative to
 * @throws ConfigError for a file of Fulcio's or a provider pack that cannot be read or is none
 */
export function readIssuers(written: IssuersAsWritten, folder: string): ReadIssuers {
  const resolveIdentity = prepareIdentities(folder);
  if ("length" in written) return readList(written, ["issuers"], resolveIdentity);
  const { list = [], fulcio } = written;
  const own = readList(list, ["issuers", "list"], resolveIdentity);
  if (fulcio === undefined) return own;
  const file = openFulcioFile(resolve(folder, fulcio.path));
  const translated = translateFulcioEntries(file, resolveIdentity);
  const isReplaced = ({ issuer: { url, audience } }: FulcioEntry): boolean =>
    list.some((one) => one.url === url && one.audience === audience);
  const entries = translated.entries.filter((entry) => !isReplaced(entry)).map((entry) => takeShared(entry, fulcio));
  return {
    issuers: Object.freeze([...own.issuers, ...entries.map(({ issuer }) => issuer)]),
    problems: [...refuseEmpty(file), ...own.problems, ...translated.problems, ...refuseShared(entries, fulcio, file)],
    warnings: translated.warnings,
    locate: (problem) => {
      const [root, index, ...rest] = problem.path;
      if (root !== "issuers" || typeof index !== "number") return problem;
      const entry = entries[index - list.length];
      return entry === undefined
        ? own.locate(problem)
        : locateInFulcioFile({ ...problem, path: rest }, entry.from, file);
    },
  };
}

function readList(
  list: readonly IssuerAsWritten[],
  path: readonly string[],
  resolveIdentity: ResolveIdentity,
): ReadIssuers {
  const issuers: IssuerConfig[] = [];
  const problems: ConfigProblem[] = [];
  for (const [index, { identity, ...issuer }] of list.entries()) {
    const made = resolveIdentity(identity, issuer.url);
    if ("rules" in made) issuers.push(Object.freeze({ ...issuer, identity: made.rules }));
    else problems.push(...made.problems.map((one) => ({ ...one, path: [...path, index, "identity", ...one.path] })));
  }
  return {
    issuers: Object.freeze(issuers),
    problems,
    warnings: [],
    locate: (problem) => {
      const [root, ...rest] = problem.path;
      return root === "issuers" ? { ...problem, path: [...path, ...rest] } : problem;
    },
  };
}

function openFulcioFile(file: string): FulcioIssuerFile {
  const text = readYamlFile(file);
  try {
    return readFulcioIssuerFile(parseFulcioDocument(text, file));
  } catch (cause) {
    if (cause instanceof FulcioInputError) throw new ConfigError(cause.message, { cause });
    throw cause;
  }
}

/** A file that lost its content, or is being written, must not end the trust in all that stood in it. */
function refuseEmpty({ issuers, placeOf }: FulcioIssuerFile): readonly ConfigProblem[] {
  if (issuers.length > 0) return [];
  return [{ path: ["oidc-issuers"], place: placeOf(["oidc-issuers"]), message: "no issuer stands in the file" }];
}

const isShared = ({ issuer: { url } }: FulcioEntry): boolean =>
  !(url.includes("*") && patternFault(url, false) !== undefined) && isSharedIssuer(url);

function takeShared(entry: FulcioEntry, { sharedIssuers }: FulcioIssuersConfig): FulcioEntry {
  if (sharedIssuers !== "as-fulcio" || !isShared(entry)) return entry;
  return { ...entry, issuer: Object.freeze({ ...entry.issuer, allow: "any" as const }) };
}

/** What becomes of issuers that give tokens to anybody is the operator's word, and never a default. */
function refuseShared(
  entries: readonly FulcioEntry[],
  { sharedIssuers }: FulcioIssuersConfig,
  file: FulcioIssuerFile,
): readonly ConfigProblem[] {
  if (sharedIssuers === "as-fulcio") return [];
  const shared = entries.filter(isShared).map((entry) => {
    const message =
      sharedIssuers === "refuse"
        ? "many organizations share this issuer; write an entry for it in issuers.list that says whose tokens are taken"
        : "many organizations share this issuer";
    return locateInFulcioFile({ path: ["url"], message }, entry.from, file);
  });
  if (sharedIssuers === "refuse") return shared;
  const which = shared.length === 0 ? "none of the issuers in it is known to be shared" : "which are named below";
  const message =
    "write `sharedIssuers: refuse`, or `sharedIssuers: as-fulcio` for certificates to everybody with an account at the " +
    `issuers that many organizations share: ${which}`;
  return [{ path: ["issuers", "fulcio"], message }, ...shared];
}
