import { comment, scalar } from "./fulcio-section.ts";
import type { Finding, Section } from "./fulcio-section.ts";
import { describeSetting } from "./fulcio-settings.ts";
import type { FulcioSettings } from "./fulcio-settings.ts";
import type { FulcioFlagName } from "./fulcio-flags.ts";
import { uriSigner } from "./signers/uri-signer.ts";

/** A CA whose key is in a key service: the URI stays what it is, and what it does not say has to be written. */
export function kmsCa(settings: FulcioSettings): Section {
  const uri = settings["kms-resource"];
  const missing = missingBeside(uri.value);
  const findings: Finding[] = [
    missing === undefined
      ? { outcome: "kept", subject: describeSetting(settings, "ca"), note: "ca.signer of kind uri" }
      : { outcome: "must be decided", subject: describeSetting(settings, "ca"), note: missing },
    ...set(settings, "kms-resource").map((subject): Finding => ({ outcome: "kept", subject, note: "ca.signer.uri" })),
    ...chainFinding(settings, "kms-cert-chain-path"),
    ...(["gcp-kms-retries", "gcp-kms-timeout"] as const)
      .flatMap((name) => set(settings, name))
      .map((subject): Finding => ({
        outcome: "changed",
        subject,
        note: "ca.signer.attempts (3) and attemptSeconds (2) bound the calls of every key service",
      })),
  ];
  return {
    lines: [
      "ca:",
      ...chainLines(settings, "kms-cert-chain-path"),
      ...(missing === undefined ? [] : comment(`MUST BE COMPLETED: signer. ${missing}.`, 2)),
      ...comment(describeSetting(settings, "kms-resource"), 2),
      ...(["gcp-kms-retries", "gcp-kms-timeout"] as const)
        .flatMap((name) => set(settings, name))
        .flatMap((subject) => comment(subject, 2)),
      `  signer: { kind: uri, uri: ${scalar(uri.value)} }`,
    ],
    findings,
  };
}

/** A CA whose key is in a token: what Fulcio's file of JSON says of it is written into the signer. */
export function pkcs11Ca(settings: FulcioSettings): Section {
  const flags = ["hsm-caroot-id", "pkcs11-config-path"] as const;
  const note =
    "module is Path of that file, token.label its TokenLabel, and pin: { file: FILE } names a file that holds its Pin " +
    "(docs/keys.md); the CA's certificate is a file";
  return {
    lines: [
      "ca:",
      ...chainLines(settings, "aws-hsm-root-ca-path"),
      ...comment(`MUST BE COMPLETED: signer. ${note}.`, 2),
      ...[...flags, "hsm-key-label" as const].flatMap((name) => comment(describeSetting(settings, name), 2)),
      `  signer: { kind: pkcs11, key: { label: ${scalar(settings["hsm-key-label"].value)} } }`,
    ],
    findings: [
      { outcome: "must be decided", subject: describeSetting(settings, "ca"), note },
      ...chainFinding(settings, "aws-hsm-root-ca-path"),
      ...set(settings, "hsm-key-label").map((subject): Finding => ({
        outcome: "kept",
        subject,
        note: "ca.signer.key.label",
      })),
      ...flags
        .flatMap((name) => set(settings, name))
        .map((subject): Finding => ({ outcome: "changed", subject, note: "kept as a comment: see ca.signer" })),
    ],
  };
}

/** What a signer of this URI lacks, as a sentence without its end; undefined when the URI says all. */
function missingBeside(uri: string): string | undefined {
  const judged = uriSigner.safeParse({ kind: "uri", uri });
  if (judged.success) return undefined;
  const problems = judged.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  return `Fulcio takes from its environment, or as the newest, what has to be written here (docs/keys.md): ${problems.join("; ")}`;
}

/** The setting in Fulcio's words, if it was set. */
function set(settings: FulcioSettings, name: FulcioFlagName): readonly string[] {
  return settings[name].isSet ? [describeSetting(settings, name)] : [];
}

function chainLines(settings: FulcioSettings, name: FulcioFlagName): readonly string[] {
  const { value } = settings[name];
  return value === "" ? [] : [...comment(describeSetting(settings, name), 2), `  chain: ${scalar(value)}`];
}

function chainFinding(settings: FulcioSettings, name: FulcioFlagName): readonly Finding[] {
  return set(settings, name).map((subject) => ({ outcome: "kept", subject, note: "ca.chain" }));
}
