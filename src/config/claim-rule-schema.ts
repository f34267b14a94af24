import { z } from "zod";
import { textMatcherFault } from "../core/identity/claim-matcher.ts";
import type { ClaimMatcher, TextMatcher } from "../core/identity/claim-matcher.ts";
import { ANY_TOKEN } from "../core/identity/claim-rules.ts";
import { object } from "./strict-object.ts";

const MAX_RULES = 1000;
const MAX_TEXT = 1024;
const MAX_PATTERN = 256;

const pattern = z.string().min(1).max(MAX_PATTERN);
const textMatcher = z.union([
  z.string().max(MAX_TEXT),
  z.boolean().transform(String),
  z.int().transform(String),
  object({ glob: pattern.describe("Compared segment by segment: org/*, or org/repo/** for all below.") }),
  object({ prefix: pattern.describe("A beginning that ends in a slash: org/.") }),
]);

const claimMatcher = z.union(
  [
    textMatcher,
    z.array(textMatcher).min(1).max(MAX_RULES).readonly(),
    object({ absent: z.literal(true).describe("The token does not have the claim.") }),
  ],
  { error: "expected a text, { glob: … }, { prefix: … }, a list of these, or { absent: true }" },
);

const claimRule = object({
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/u, "expected up to 64 letters, digits, dots, underscores and hyphens")
    .refine((name) => name !== ANY_TOKEN, `${ANY_TOKEN} is what allows a token where there are no rules`)
    .optional()
    .describe("What the audit trail calls the rule; its place in the list when left out."),
  claims: z
    .record(z.string().min(1).max(MAX_PATTERN), claimMatcher)
    .readonly()
    .describe("What claims must be, all of them: by name, or by JSON Pointer (RFC 6901) for a member of one."),
}).superRefine(({ claims }, context) => {
  const entries = Object.entries(claims);
  const problems = entries.flatMap(([name, matcher]) =>
    [pointerFault(name), ...textMatchers(matcher).map(textMatcherFault)].map((message) => ({ name, message })),
  );
  for (const { name, message } of problems) {
    if (message !== undefined) context.addIssue({ code: "custom", path: ["claims", name], message });
  }
  if (entries.length === 0) {
    context.addIssue({ code: "custom", path: ["claims"], message: "a rule without claims would hold for every token" });
  }
});

function pointerFault(name: string): string | undefined {
  return name.startsWith("/") && /~(?![01])/u.test(name)
    ? "a JSON Pointer writes ~ as ~0 and / as ~1 (RFC 6901)"
    : undefined;
}

/** What a matcher compares texts with. */
function textMatchers(matcher: ClaimMatcher): readonly TextMatcher[] {
  if (typeof matcher === "string") return [matcher];
  if ("absent" in matcher) return [];
  return "glob" in matcher || "prefix" in matcher ? [matcher] : matcher;
}

/** Which tokens of an issuer are taken: one of the rules must hold, or `any`. */
export const allowSchema = z
  .union([z.literal(ANY_TOKEN), z.array(claimRule).min(1).max(MAX_RULES).readonly()], {
    error: "expected any or a list of rules",
  })
  .optional()
  .describe(
    "Tokens that are taken: any, or those that one of the rules holds for. Required for issuers that many organizations share.",
  );

/** Which tokens of an issuer are refused, whatever allows them. */
export const denySchema = z
  .array(claimRule)
  .max(MAX_RULES)
  .readonly()
  .default([])
  .describe("Tokens that are refused whatever allows them: those that one of the rules holds for.");
