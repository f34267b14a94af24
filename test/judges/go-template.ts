import { execFileSync } from "node:child_process";
import { buildGoTool } from "../support/go-tool.ts";
import type { GoTool } from "../support/go-tool.ts";

const GO_TEMPLATE: GoTool = { name: "template", folder: "tools/template" };

/** A template, and what it is given. */
export interface TemplateQuestion {
  readonly template: string;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly defaults?: Readonly<Record<string, string>>;
}

/** What Go's text/template makes of it, and net/url of that. */
export interface TemplateAnswer {
  readonly parses: boolean;
  /** Undefined where the template fails with these claims. */
  readonly text?: string;
  readonly uri?: string;
}

/** Go's text/template, given claims as Fulcio gives them; needs Go. */
export function askGoTemplate(questions: readonly TemplateQuestion[]): readonly TemplateAnswer[] {
  const input = questions.map((question) => `${JSON.stringify(question)}\n`).join("");
  const options = { input, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 } as const;
  const lines = execFileSync(buildGoTool(GO_TEMPLATE), [], options).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as TemplateAnswer);
}
