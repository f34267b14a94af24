import { MayflyError } from "../errors.ts";

/** The rules of docs/certificate-profile.md for leaves, by the names that refusals carry; a closed list. */
export const LINT_RULES = [
  // of the template
  "extension-name",
  "extension-text",
  "issuer-extension",
  "key-algorithm",
  "key-spki",
  "san-email",
  "san-uri",
  "san-username",
  "serial-length",
  "serial-range",
  "signature-algorithm",
  "validity-chain",
  "validity-lifetime",
  "validity-seconds",
  // of the encoded bytes
  "authority-key-identifier",
  "ext-key-usage",
  "extension-order",
  "fulcio-extension",
  "issuer",
  "key-usage",
  "last-extension",
  "serial",
  "spki",
  "structure",
  "subject",
  "subject-alt-name",
  "subject-key-identifier",
  "validity",
  "version",
] as const;

/** Name of a rule of the profile, as docs/certificate-profile.md prints it. */
export type LintRule = (typeof LINT_RULES)[number];

/** The refusal of a template or TBS by one rule of the profile; its message starts with the rule's name. */
export function lintFailure(rule: LintRule, detail: string, cause?: unknown): MayflyError {
  return new MayflyError("LINT", `${rule}: ${detail}`, { cause });
}

/** @throws MayflyError LINT unless `holds` */
export function lintThat(holds: boolean, rule: LintRule, detail: string): void {
  if (!holds) throw lintFailure(rule, detail);
}
