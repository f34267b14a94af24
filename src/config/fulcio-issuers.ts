import { X509Certificate } from "node:crypto";
import { translateIdentity } from "./fulcio-identity.ts";
import type { IdentityTranslation } from "./fulcio-identity.ts";
import { FulcioInputError } from "./fulcio-input-error.ts";
import type { FulcioIssuer, FulcioIssuerFile } from "./fulcio-issuer-file.ts";
import { comment, scalar } from "./fulcio-section.ts";
import type { CompanionFile, Finding, Section } from "./fulcio-section.ts";
import { isOnPrivateNetwork } from "./fulcio-issuer-hosts.ts";
import { findIdentityProblems } from "./identity-rules.ts";
import type { IdentityInput } from "./identity-schema.ts";
import { issuerSchema } from "./issuer-schema.ts";
import { isSharedIssuer } from "./shared-issuers.ts";

/** What becomes of issuers that give tokens to anybody. */
export type SharedIssuers = "as-fulcio" | "leave-out" | "undecided";

type IdentitySettings = Extract<IdentityTranslation, { kind: "settings" }>;

/** One issuer as translated; without `entry` it is left out of the configuration. */
interface TranslatedIssuer {
  readonly entry?: readonly string[];
  readonly finding: Finding;
  readonly more?: readonly Finding[];
  readonly file?: CompanionFile;
}

/**
 * The issuers, each as Fulcio trusts it or, with the reason, as a comment.
 *
 * @throws FulcioInputError for a `ca-cert` that is no certificate
 */
export function translateIssuers(file: FulcioIssuerFile, shared: SharedIssuers): Section {
  const translated = file.issuers.map((issuer) => translateIssuer(issuer, file, shared));
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
      ...file.findings,
    ],
    files: translated.flatMap((one) => (one.file === undefined ? [] : [one.file])),
  };
}

const NO_ISSUER: Finding = {
  outcome: "must be decided",
  subject: "issuers",
  note: "none is left, and Mayfly needs one",
};

function translateIssuer(issuer: FulcioIssuer, file: FulcioIssuerFile, shared: SharedIssuers): TranslatedIssuer {
  const identity = translateIdentity(issuer, file.ciMetadata);
  const subject = `${issuer.key} (${[issuer.type, issuer["ci-provider"]].filter((word) => word !== "").join(" ")})`;
  const leftOut = (outcome: Finding["outcome"], note: string): TranslatedIssuer => ({
    finding: { outcome, subject, note },
  });
  if (identity.kind === "unused") return leftOut("no counterpart", identity.reason);
  if (identity.kind === "missing") return leftOut("must be decided", identity.reason);
  const obstacle = findObstacle(issuer, identity);
  if (obstacle !== undefined) return leftOut("must be decided", obstacle);
  if (isSharedIssuer(issuer.key) && shared !== "as-fulcio") {
    return shared === "leave-out"
      ? leftOut("changed", "left out as asked: it gives tokens to anybody")
      : leftOut("must be decided", `${SHARED}; --shared-issuers as-fulcio or leave-out decides`);
  }
  return { ...writeIssuer(issuer, identity), finding: { outcome: "kept", subject, note: "issuers" } };
}

const SHARED =
  "it gives tokens to anybody, and all of them can then get certificates in their own names, as from Fulcio";

/** Why Mayfly cannot trust an issuer as Fulcio does; undefined when it can. */
function findObstacle(issuer: FulcioIssuer, identity: IdentitySettings): string | undefined {
  if (issuer.isPattern) return "Mayfly has no patterns: write an entry for each issuer that is meant, by its exact URL";
  if (issuer["issuer-url"] !== issuer.key) {
    return "its issuer-url is another one than the URL that it stands under, and Mayfly has one URL for both";
  }
  if (issuer.key.startsWith("http:")) return "without TLS anybody on the way can name anyone; Mayfly wants https";
  const parsed = issuerSchema.safeParse(settingsOf(issuer, identity.settings));
  const problems = parsed.success
    ? findIdentityProblems(issuer.key, parsed.data.identity).map(({ path, message }) => ({
        path: ["identity", ...path],
        message,
      }))
    : parsed.error.issues;
  if (problems.length === 0) return undefined;
  return problems.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ");
}

/** An entry of `issuers`, as it will stand in the file. */
function settingsOf(issuer: FulcioIssuer, identity: IdentityInput): Record<string, unknown> {
  return { url: issuer.key, audience: issuer["client-id"], identity };
}

function writeIssuer(
  issuer: FulcioIssuer,
  identity: IdentitySettings,
): Pick<TranslatedIssuer, "entry" | "more" | "file"> {
  const about = [issuer.description, issuer.contact].filter((text) => text !== "").join(", ");
  const file = companionOf(issuer);
  const isPrivate = isOnPrivateNetwork(issuer.key);
  const entry = [
    ...comment(`oidc-issuers: ${issuer.key}${about === "" ? "" : ` (${about})`}`, 2),
    `  - url: ${scalar(issuer.key)}`,
    `    audience: ${scalar(issuer["client-id"])}`,
    `    identity: ${writeIdentity(identity.settings)}`,
    ...(isSharedIssuer(issuer.key) ? ["    allow: any"] : []),
    ...(isPrivate ? ["    allowPrivateNetwork: true"] : []),
    ...(file === undefined ? [] : [...comment("ca-cert", 4), `    caCertificate: ${scalar(file.name)}`]),
  ];
  const more = remarks(issuer, identity, isPrivate);
  return file === undefined ? { entry, more } : { entry, more, file };
}

/** A flow mapping (YAML 1.2 §7.4.2). */
function writeIdentity(settings: IdentityInput): string {
  const members = Object.entries(settings).map(([name, value]) => {
    return `${name}: ${typeof value === "string" ? scalar(value) : JSON.stringify(value)}`;
  });
  return `{ ${members.join(", ")} }`;
}

function remarks(issuer: FulcioIssuer, identity: IdentitySettings, isPrivate: boolean): readonly Finding[] {
  const remark = (outcome: Finding["outcome"], what: string, note: string): Finding => ({
    outcome,
    subject: `${what} of ${issuer.key}`,
    note,
  });
  const challenge = issuer.type === "email" ? "email" : "sub";
  return [
    ...(isPrivate
      ? [
          remark(
            "changed",
            "the host",
            "allowPrivateNetwork: Mayfly fetches keys from private addresses only where told so",
          ),
        ]
      : []),
    ...(identity.addsEnvironment === true
      ? [remark("changed", "the type", "certificates also name the deployment environment, when the token does")]
      : []),
    ...(issuer["challenge-claim"] === "" || issuer["challenge-claim"] === challenge
      ? []
      : [
          remark(
            "no counterpart",
            "challenge-claim",
            `the proof is over ${challenge}, as with Fulcio, which only tells another one`,
          ),
        ]),
    ...(["subject-domain", "spiffe-trust-domain"] as const)
      .filter((name) => issuer[name] !== "" && !USED_BY[name].includes(issuer.type))
      .map((name) => remark("no counterpart", name, "Fulcio does not look at it with this type")),
  ];
}

/** The types with which Fulcio looks at these settings. */
const USED_BY = { "subject-domain": ["uri", "username"], "spiffe-trust-domain": ["spiffe"] };

const CERTIFICATES = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/gu;

/** Certificate authorities for the issuer's TLS stand in a file of their own. */
function companionOf(issuer: FulcioIssuer): CompanionFile | undefined {
  if (issuer["ca-cert"].trim() === "") return undefined;
  const certificates = issuer["ca-cert"].match(CERTIFICATES) ?? [];
  try {
    if (certificates.length === 0) throw new TypeError("no certificate");
    for (const pem of certificates) new X509Certificate(pem);
  } catch (cause) {
    throw new FulcioInputError(`oidc-issuers: ${issuer.key}: ca-cert: not a PEM certificate`, { cause });
  }
  const name = issuer.key
    .replace(/^https:\/\//u, "")
    .replaceAll(/[^A-Za-z0-9.]+/gu, "-")
    .replace(/-$/u, "");
  return { name: `issuer-ca-${name}.pem`, text: `${certificates.join("\n")}\n` };
}
