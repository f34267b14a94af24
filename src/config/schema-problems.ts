import type { z } from "zod";
import { nearestName } from "./nearest-name.ts";
import type { ConfigProblem } from "./rule.ts";

/**
 * What a schema found wrong, as our problems; an unknown key is reported at its own line, with the name that was probably
 * meant.
 *
 * @param jsonSchema makes the same schema as JSON Schema, which tells the names it knows; takes its time
 */
export function schemaProblems(error: z.ZodError, jsonSchema: () => unknown): readonly ConfigProblem[] {
  return error.issues.flatMap(meantIssues).flatMap((issue) => {
    if (issue.code !== "unrecognized_keys") return [{ path: issue.path, message: issue.message }];
    const names = jsonSchema();
    return issue.keys.map((key) => {
      const nearest = nearestName(key, knownKeys(names, issue.path));
      const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
      return { path: [...issue.path, key], message: `unknown setting${hint}` };
    });
  });
}

type Issue = z.core.$ZodIssue;

/** Where one alternative alone is of the value's own type, what is wrong by that one; else what is wrong with all. */
function meantIssues(issue: Issue): readonly Issue[] {
  if (issue.code !== "invalid_union") return [issue];
  const [meant, ...others] = issue.errors.filter((issues) => !issues.some(isOfAnotherType));
  if (meant === undefined || others.length > 0) return [issue];
  return meant.flatMap((inner) => meantIssues({ ...inner, path: [...issue.path, ...inner.path] }));
}

const OTHER_TYPE: ReadonlySet<string> = new Set(["invalid_type", "invalid_union", "invalid_value"]);

const isOfAnotherType = ({ path, code }: Issue): boolean => path.length === 0 && OTHER_TYPE.has(code);

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Names that a schema knows at `path`, over all alternatives. */
function knownKeys(root: unknown, path: readonly PropertyKey[], at = root): readonly string[] {
  const schema = resolveReference(root, at);
  if (!isRecord(schema)) return [];
  const alternatives = [schema["anyOf"], schema["oneOf"]].flatMap((list): unknown[] =>
    Array.isArray(list) ? list : [],
  );
  const below = alternatives.flatMap((alternative) => knownKeys(root, path, alternative));
  const properties = isRecord(schema["properties"]) ? schema["properties"] : {};
  const [step, ...rest] = path;
  if (step === undefined) return [...Object.keys(properties), ...below];
  const next = typeof step === "number" ? schema["items"] : properties[String(step)];
  return [...(next === undefined ? [] : knownKeys(root, rest, next)), ...below];
}

/** A reference to a definition of the same schema (JSON Schema 2020-12 §8.2.3.1). */
function resolveReference(root: unknown, schema: unknown): unknown {
  const name =
    isRecord(schema) && typeof schema["$ref"] === "string" ? /^#\/\$defs\/(?<name>\w+)$/u.exec(schema["$ref"]) : null;
  const definitions = isRecord(root) ? root["$defs"] : undefined;
  return name === null || !isRecord(definitions) ? schema : definitions[name.groups?.["name"] ?? ""];
}
