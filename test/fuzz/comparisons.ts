import type { Comparison } from "./comparison.ts";
import { NAMES } from "./identity/names.ts";
import { NUMBERS } from "./identity/numbers.ts";
import { PATTERNS } from "./identity/pattern.ts";
import { RULES } from "./identity/rules.ts";
import { SETTINGS_FILES } from "./identity/settings-files.ts";
import { TEMPLATES } from "./identity/template.ts";
import { TOKEN } from "./identity/token.ts";

/** Everything that decides who gets a certificate, each beside a slow, obvious way to the same end. */
export const COMPARISONS: readonly Comparison[] = [
  TOKEN,
  ...PATTERNS,
  TEMPLATES,
  ...RULES,
  NUMBERS,
  NAMES,
  ...SETTINGS_FILES,
];
