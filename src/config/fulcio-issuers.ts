import { hash } from "node:crypto";
import { haveCommonUrl, parseIssuerPattern } from "../core/identity/issuer-pattern.ts";
import { fulcioCertificates } from "./fulcio-ca-certificates.ts";
import { clusterFiles } from "./fulcio-cluster.ts";
import { CHALLENGES, membersWithoutEffect } from "./fulcio-faults.ts";
import { FulcioInputError } from "./fulcio-input-error.ts";
import type { FulcioIssuer, FulcioIssuerFile, UnknownMember } from "./fulcio-issuer-file.ts";
import { isOnPrivateNetwork } from "./fulcio-issuer-hosts.ts";
import { comment, fileNameOf, scalar } from "./fulcio-section.ts";
import type { CompanionFile, Finding, Section } from "./fulcio-section.ts";
import { writeIdentities } from "./fulcio-written-identity.ts";
import type { WrittenIdentity } from "./fulcio-written-identity.ts";
import { findIdentityProblems } from "./identity-rules.ts";
import type { IdentityInput } from "./identity-schema.ts";
import { patternFault } from "./issuer-rules.ts";
import { issuerSchema } from "./issuer-schema.ts";
import { isSharedIssuer } from "./shared-issuers.ts";

/** What becomes of issuers that give tokens to anybody. */
export type SharedIssuers = "as-fulcio" | "leave-out" | "undecided";

type IdentitySettings = Extract<WrittenIdentity, { kind: "settings" }>;

/** One issuer as translated; without `entry` it is left out of the configuration. */
interface TranslatedIssuer {
  readonly entry?: readonly string[];
  readonly finding: Finding;
  readonly more?: readonly Finding[];
  readonly files?: readonly CompanionFile[];
}

/**
 * The issuers, each as Fulcio trusts it or, with the reason, as a comment.
 *
 * @throws FulcioInputError for a `ca-cert` that is no certificate
 */
export function translateIssuers(file: FulcioIssuerFile, shared: SharedIssuers): Section {
  const identityOf = writeIdentities(file);
  const translated = file.issuers.map((issuer) => translateIssuer(issuer, identityOf(issuer), { file, shared }));
  const isEmpty = translated.every(({ entry }) => entry === undefined);
  return {
    lines: [
      isEmpty ? "issuers: []" : "issuers:",
      ...translated.flatMap(
        ({ entry, finding }) => entry ?? comment(`LEFT OUT: ${finding.subject}: ${finding.note}.`, 2),
      ),
    ],
    findings: [
      ...translated.flatMap(({ finding, more = [] }) => [finding, ...more]),
      ...(isEmpty ? [NO_ISSUER] : []),
      ...file.unknown.map(passedOver),
    ],
    files: distinct(translated.flatMap(({ files = [] }) => files)),
  };
}

/** Issuers of one provider have its templates in one file. */
function distinct(files: readonly CompanionFile[]): readonly CompanionFile[] {
  return files.filter(({ name }, at) => files.findIndex((other) => other.name === name) === at);
}

function passedOver({ key, within, nearest }: UnknownMember): Finding {
  const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
  return {
    outcome: "no counterpart",
    subject: within.length === 0 ? key : `${key} of ${within.join(": ")}`,
    note: `Fulcio has no such setting and passes over it${hint}`,
  };
}

const NO_ISSUER: Finding = {
  outcome: "must be decided",
  subject: "issuers",
  note: "none is left, and Mayfly needs one",
};

function translateIssuer(
  issuer: FulcioIssuer,
  identity: WrittenIdentity,
  { file, shared }: { readonly file: FulcioIssuerFile; readonly shared: SharedIssuers },
): TranslatedIssuer {
  const subject = `${issuer.key} (${[issuer.type, issuer["ci-provider"]].filter((word) => word !== "").join(" ")})`;
  const leftOut = (outcome: Finding["outcome"], note: string): TranslatedIssuer => ({
    finding: { outcome, subject, note },
  });
  if (identity.kind === "unused") return leftOut("no counterpart", identity.reason);
  if (identity.kind === "missing") return leftOut("must be decided", identity.reason);
  const obstacle = findObstacle(issuer, identity, file);
  if (obstacle !== undefined) return leftOut("must be decided", obstacle);
  if (isSharedIssuer(issuer.key) && shared !== "as-fulcio") {
    return shared === "leave-out"
      ? leftOut("changed", "left out as asked: it gives tokens to anybody")
      : leftOut("must be decided", `${SHARED}; --shared-issuers as-fulcio or leave-out decides`);
  }
  return { ...writeIssuer(issuer, identity, file), finding: { outcome: "kept", subject, note: "issuers" } };
}

const SHARED =
  "it gives tokens to anybody, and all of them can then get certificates in their own names, as from Fulcio";

/** Why Mayfly cannot trust an issuer as Fulcio does; undefined when it can. */
function findObstacle(issuer: FulcioIssuer, identity: IdentitySettings, file: FulcioIssuerFile): string | undefined {
  return findUrlObstacle(issuer, file) ?? findSettingsObstacle(issuer, identity);
}

function findUrlObstacle(issuer: FulcioIssuer, file: FulcioIssuerFile): string | undefined {
  if (issuer.isPattern) return findPatternObstacle(issuer, file);
  if (issuer.key.includes("*")) return "an issuer's URL has no star: Fulcio's patterns are its meta-issuers";
  if (issuer["issuer-url"] !== issuer.key) {
    return "its issuer-url is another one than the URL that it stands under, and Mayfly has one URL for both";
  }
  return issuer.key.startsWith("http:")
    ? "without TLS anybody on the way can name anyone; Mayfly wants https"
    : undefined;
}

function findPatternObstacle({ key }: FulcioIssuer, { issuers }: FulcioIssuerFile): string | undefined {
  if (!key.includes("*")) return "a meta issuer without a star, which Fulcio takes for one URL";
  const fault = patternFault(key, false);
  if (fault !== undefined) return fault;
  const own = parseIssuerPattern(key);
  const others = issuers.filter((other) => other.isPattern && other.key !== key && other.key.includes("*"));
  const rival = others.find(
    (other) => patternFault(other.key, false) === undefined && haveCommonUrl(parseIssuerPattern(other.key), own),
  );
  if (rival === undefined) return undefined;
  return `there are URLs that ${rival.key} matches as well: Fulcio takes either, by chance`;
}

function findSettingsObstacle(issuer: FulcioIssuer, { settings }: IdentitySettings): string | undefined {
  const parsed = issuerSchema.safeParse({ url: issuer.key, audience: issuer["client-id"], identity: settings });
  const problems = parsed.success
    ? findIdentityProblems(issuer.key, parsed.data.identity).map(({ path, message }) => ({
        path: ["identity", ...path],
        message,
      }))
    : parsed.error.issues;
  if (problems.length === 0) return undefined;
  return problems.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ");
}

function writeIssuer(
  issuer: FulcioIssuer,
  identity: IdentitySettings,
  file: FulcioIssuerFile,
): Pick<TranslatedIssuer, "entry" | "more" | "files"> {
  const about = [issuer.description, issuer.contact].filter((text) => text !== "").join(", ");
  const cluster = clusterFiles(issuer, file);
  const certificates = cluster === undefined ? companionOf(issuer, file) : undefined;
  const isPrivate = !issuer.isPattern && isOnPrivateNetwork(issuer.key);
  const entry = [
    ...comment(`${groupOf(issuer)}: ${issuer.key}${about === "" ? "" : ` (${about})`}`, 2),
    `  - url: ${scalar(issuer.key)}`,
    `    audience: ${scalar(issuer["client-id"])}`,
    `    identity: ${writeIdentity(identity.settings)}`,
    ...(isSharedIssuer(issuer.key) ? ["    allow: any"] : []),
    ...(isPrivate ? ["    allowPrivateNetwork: true"] : []),
    ...Object.entries(cluster ?? {}).map(([name, path]) => `    ${name}: ${scalar(path)}`),
    ...(certificates === undefined
      ? []
      : [...comment("ca-cert", 4), `    caCertificate: ${scalar(certificates.name)}`]),
  ];
  const files = [certificates, identity.file].filter((file) => file !== undefined);
  return { entry, more: remarks(issuer, identity, isPrivate), files };
}

/** A flow mapping (YAML 1.2 §7.4.2). */
function writeIdentity(settings: IdentityInput): string {
  const members = Object.entries(settings).map(
    ([name, value]) => `${name}: ${typeof value === "string" ? scalar(value) : JSON.stringify(value)}`,
  );
  return `{ ${members.join(", ")} }`;
}

function remarks(issuer: FulcioIssuer, { file }: IdentitySettings, isPrivate: boolean): readonly Finding[] {
  const remark = (outcome: Finding["outcome"], what: string, note: string): Finding => ({
    outcome,
    subject: `${what} of ${issuer.key}`,
    note,
  });
  const own: readonly (Finding | false)[] = [
    isPrivate &&
      remark(
        "changed",
        "the host",
        "allowPrivateNetwork: Mayfly fetches keys from private addresses only where told so",
      ),
    file !== undefined &&
      remark("kept", "the templates", `in ${file.name}: none of Mayfly's packs makes the same certificates`),
    isAnotherChallenge(issuer) &&
      remark(
        "no counterpart",
        "challenge-claim",
        `the proof is over ${CHALLENGES.get(issuer.type) ?? "sub"}, as with Fulcio, which only tells another one`,
      ),
  ];
  const idle = membersWithoutEffect(issuer).map(({ member }) =>
    remark("no counterpart", member, "Fulcio does not look at it with this type"),
  );
  return [...own.filter((finding) => finding !== false), ...idle];
}

function isAnotherChallenge({ type, "challenge-claim": claim }: FulcioIssuer): boolean {
  return claim !== "" && claim !== CHALLENGES.get(type);
}

/** Certificate authorities for the issuer's TLS stand in a file of their own. */
function companionOf(issuer: FulcioIssuer, { issuers }: FulcioIssuerFile): CompanionFile | undefined {
  const { key } = issuer;
  const text = fulcioCertificates(issuer);
  if (text === undefined) throw new FulcioInputError(`${groupOf(issuer)}: ${key}: ca-cert: not a PEM certificate`);
  const name = fileNameOf(key);
  // One issuer's authority must not be taken for that of another whose URL makes the same name.
  const isAlone = issuers.every((other) => other.key === key || fileNameOf(other.key) !== name);
  const own = isAlone ? name : `${name}-${hash("sha256", key).slice(0, 16)}`;
  return text === "" ? undefined : { name: `issuer-ca-${own}.pem`, text };
}

const groupOf = ({ isPattern }: FulcioIssuer): string => `${isPattern ? "meta" : "oidc"}-issuers`;
