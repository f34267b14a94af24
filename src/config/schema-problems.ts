import type { z } from "zod";
import { nearestName } from "./nearest-name.ts";
import type { ConfigProblem } from "./rule.ts";

/**
 * What a schema found wrong, as our problems; an unknown key is reported at its own line, with the name that was probably
 * meant.
 *
 * @param jsonSchema the same schema as JSON Schema, which tells the names it knows
 */
export function schemaProblems(error: z.ZodError, jsonSchema: unknown): readonly ConfigProblem[] {
  return error.issues.flatMap((issue) => {
    if (issue.code !== "unrecognized_keys") return [{ path: issue.path, message: issue.message }];
    return issue.keys.map((key) => {
      const nearest = nearestName(key, knownKeys(jsonSchema, issue.path));
      const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
      return { path: [...issue.path, key], message: `unknown setting${hint}` };
    });
  });
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Names that the schema knows at `path`, over all alternatives. */
function knownKeys(schema: unknown, path: readonly PropertyKey[]): readonly string[] {
  if (!isRecord(schema)) return [];
  const alternatives = [schema["anyOf"], schema["oneOf"]].flatMap((list): unknown[] =>
    Array.isArray(list) ? list : [],
  );
  const below = alternatives.flatMap((alternative) => knownKeys(alternative, path));
  const properties = isRecord(schema["properties"]) ? schema["properties"] : {};
  const [step, ...rest] = path;
  if (step === undefined) return [...Object.keys(properties), ...below];
  const next = typeof step === "number" ? schema["items"] : properties[String(step)];
  return [...knownKeys(next, rest), ...below];
}
