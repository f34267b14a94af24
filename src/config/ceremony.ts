import { dirname, resolve } from "node:path";
import { withAbsoluteSigner } from "./absolute-signer.ts";
import { AUTHORITY_NAMES, ceremonyJsonSchema, ceremonySchema, MAX_NAME_LENGTH } from "./ceremony-schema.ts";
import type { CeremonyAsWritten, CeremonyInput } from "./ceremony-schema.ts";
import { ConfigError } from "./config-error.ts";
import type { ConfigProblem } from "./rule.ts";
import { schemaProblems } from "./schema-problems.ts";
import { settingName } from "./setting-name.ts";
import type { SignerConfig } from "./signer-schema.ts";
import { keyName } from "./signers/key-name.ts";
import { parseYaml, readYamlFile } from "./yaml-file.ts";
import type { YamlFile } from "./yaml-file.ts";

/** Which certificates a ceremony makes, and where their keys are. */
export type CeremonyLayout = CeremonyAsWritten["layout"];

/** An authority by its place, the root being the highest. */
export type AuthorityName = (typeof AUTHORITY_NAMES)[number];

/** One authority whose key is in this ceremony. */
export interface CeremonyAuthority {
  readonly name: AuthorityName;
  readonly commonName: string;
  /** Of 365 days. */
  readonly years: number;
  /** How many CAs may follow below it. */
  readonly pathLength: number;
  readonly signer: SignerConfig;
}

/** A ceremony that makes sense: every authority of its layout, and no other. */
export interface Ceremony {
  readonly layout: CeremonyLayout;
  readonly organization: string;
  /** Absolute path of the folder that everything is written to. */
  readonly folder: string;
  /** The root first. */
  readonly authorities: readonly CeremonyAuthority[];
  readonly log: CeremonyLog | undefined;
  readonly publicUrl: string | undefined;
}

/** Name and keys of the log that certificates of the new CA go to. */
export interface CeremonyLog {
  readonly origin: string;
  readonly signer: SignerConfig;
  readonly checkpointSigner: SignerConfig;
}

/**
 * Reads and checks a ceremony file. Relative paths in it are taken from the file's own folder.
 *
 * @throws ConfigError listing every problem with its line and path
 */
export function loadCeremony(file: string): Ceremony {
  return judgeCeremony(parseYaml(readYamlFile(file), file), dirname(resolve(file)));
}

/**
 * Checks a ceremony that was put together from the options of a command. Relative paths are taken from the working directory.
 *
 * @throws ConfigError listing every problem with its option
 */
export function parseCeremony(written: CeremonyInput): Ceremony {
  const refuse = (problems: readonly ConfigProblem[]): never => {
    throw new ConfigError(problems.map(({ path, message }) => `--${settingName(path)}: ${message}`).join("\n"));
  };
  return judgeCeremony({ value: written, refuse }, ".");
}

/** @throws ConfigError by way of `refuse` */
function judgeCeremony({ value, refuse }: YamlFile, base: string): Ceremony {
  const parsed = ceremonySchema.safeParse(value);
  if (!parsed.success) return refuse(schemaProblems(parsed.error, ceremonyJsonSchema));
  const written = parsed.data;
  const missing = layoutProblems(written);
  if (missing.length > 0) return refuse(missing);
  const absolute = (path: string): string => resolve(base, path);
  const { layout, organization, folder, log, publicUrl } = written;
  const ceremony = {
    ...{ layout, organization, publicUrl, folder: absolute(folder) },
    authorities: authoritiesOf(written).map((one) => ({ ...one, signer: withAbsoluteSigner(one.signer, absolute) })),
    log: log && {
      origin: log.origin,
      signer: withAbsoluteSigner(log.signer, absolute),
      checkpointSigner: withAbsoluteSigner(log.checkpointSigner, absolute),
    },
  };
  const contradictions = [
    ...authorityProblems(ceremony.authorities),
    ...keyProblems(ceremony),
    ...logProblems(ceremony),
  ];
  return contradictions.length > 0 ? refuse(contradictions) : Object.freeze(ceremony);
}

/** What of each layout is here, and how many CAs may be below the lowest of it. */
const LAYOUTS: Readonly<
  Record<
    CeremonyLayout,
    { readonly must: readonly AuthorityName[]; readonly may: readonly AuthorityName[]; readonly below: number }
  >
> = {
  "root-and-issuing": { must: ["root", "issuing"], may: [], below: 0 },
  "three-tier": { must: ["root", "intermediate", "issuing"], may: [], below: 0 },
  "lone-root": { must: ["root"], may: [], below: 0 },
  "offline-root": { must: ["root"], may: ["intermediate"], below: 1 },
  "issuing-only": { must: ["issuing"], may: [], below: 0 },
};

function layoutProblems(written: CeremonyAsWritten): readonly ConfigProblem[] {
  const { must, may } = LAYOUTS[written.layout];
  return AUTHORITY_NAMES.flatMap((name) => {
    const isThere = written[name] !== undefined;
    if (!isThere && must.includes(name)) return [{ path: [name], message: `required by the layout ${written.layout}` }];
    if (isThere && ![...must, ...may].includes(name)) {
      return [{ path: [name], message: `the layout ${written.layout} has none` }];
    }
    return [];
  });
}

const TITLES: Readonly<Record<AuthorityName, string>> = {
  root: "root",
  intermediate: "intermediate CA",
  issuing: "issuing CA",
};

function authoritiesOf(written: CeremonyAsWritten): readonly CeremonyAuthority[] {
  const { below } = LAYOUTS[written.layout];
  const there = AUTHORITY_NAMES.filter((name) => written[name] !== undefined);
  return there.flatMap((name, at) => {
    const one = written[name];
    if (one === undefined) return [];
    const commonName = one.commonName ?? `${written.organization} ${TITLES[name]}`;
    return [{ name, commonName, years: one.years, signer: one.signer, pathLength: there.length - 1 - at + below }];
  });
}

function authorityProblems(authorities: readonly CeremonyAuthority[]): readonly ConfigProblem[] {
  return authorities.flatMap(({ name, commonName, years }, at) => {
    const above = authorities.slice(0, at);
    const problems: ConfigProblem[] = [];
    if (commonName.length > MAX_NAME_LENGTH) {
      problems.push({
        path: [name, "commonName"],
        message: `${commonName} is longer than ${MAX_NAME_LENGTH} characters`,
      });
    }
    if (above.some((other) => other.commonName === commonName)) {
      problems.push({ path: [name, "commonName"], message: "each authority has a CN of its own" });
    }
    if (above.some((other) => other.years < years)) {
      problems.push({ path: [name, "years"], message: "it would outlive the authority above it" });
    }
    return problems;
  });
}

interface PlacedSigner {
  readonly path: readonly string[];
  readonly signer: SignerConfig;
}

function keyProblems({ authorities, log }: Pick<Ceremony, "authorities" | "log">): readonly ConfigProblem[] {
  const signers: readonly PlacedSigner[] = [
    ...authorities.map(({ name, signer }) => ({ path: [name, "signer"], signer })),
    ...(log === undefined
      ? []
      : [
          { path: ["log", "signer"], signer: log.signer },
          { path: ["log", "checkpointSigner"], signer: log.checkpointSigner },
        ]),
  ];
  return signers.flatMap(({ path, signer }, at) => {
    if (signer.kind === "memory")
      return [{ path, message: "a key that is forgotten at exit can sign nothing tomorrow" }];
    const isTaken = signers.slice(0, at).some((other) => keyName(other.signer) === keyName(signer));
    return isTaken ? [{ path, message: "the same key stands above: each has a key of its own" }] : [];
  });
}

function logProblems({
  layout,
  log,
  publicUrl,
}: Pick<Ceremony, "layout" | "log" | "publicUrl">): readonly ConfigProblem[] {
  if (log !== undefined && layout === "offline-root") {
    return [
      { path: ["log"], message: "the keys of a log are where certificates are issued, not beside an offline root" },
    ];
  }
  if (publicUrl !== undefined && log === undefined) {
    return [{ path: ["publicUrl"], message: "a trusted root names the log too: log is required beside it" }];
  }
  return [];
}
