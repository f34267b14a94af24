import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Validator, type OutputUnit, type Schema } from "@cfworker/json-schema";
import { parse } from "yaml";

/** Where the chart is. */
export const CHART = "helm/mayfly";

/** Values of a chart, or a part of them. */
export type Values = Readonly<Record<string, unknown>>;

/** Files of values for the shapes that the chart supports, by the part of their name before `-values.yaml`. */
export const SHAPES: readonly string[] = readdirSync(join(CHART, "ci"))
  .map((file) => file.replace(/-values\.yaml$/u, ""))
  .sort();

/** Path of the values of a shape. */
export const shapeFile = (shape: string): string => join(CHART, "ci", `${shape}-values.yaml`);

/** What a file of YAML holds. */
export const readValues = (file: string): Values => parse(readFileSync(file, "utf8")) as Values;

const isMapping = (value: unknown): value is Values =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Values over values, as Helm lays them: maps become one, anything else is replaced, and null takes away. */
export function overlay(below: Values, above: Values): Values {
  const laid = Object.entries(above).map(([name, value]) => {
    const before = below[name];
    return [name, isMapping(before) && isMapping(value) ? overlay(before, value) : value] as const;
  });
  const merged = { ...below, ...Object.fromEntries(laid) };
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null));
}

/** All values of a shape, with the chart's defaults. */
export const valuesOf = (shape: string): Values =>
  overlay(readValues(join(CHART, "values.yaml")), readValues(shapeFile(shape)));

/** A rule of the schema that looks at several values. */
export interface ValuesRule {
  /** Why it is there; its name in tests. */
  readonly $comment: string;
}

/** The schema of the values, as Helm reads it. */
export interface ValuesSchema extends Schema {
  readonly allOf: (Schema & ValuesRule)[];
  readonly $defs: Record<string, Schema>;
  readonly properties: Record<string, Schema>;
}

/** Reads the schema of the values. */
export const readValuesSchema = (): ValuesSchema =>
  JSON.parse(readFileSync(join(CHART, "values.schema.json"), "utf8")) as ValuesSchema;

/** What a schema has against values; nothing when it takes them. */
export function refusals(schema: Schema, values: Values): readonly OutputUnit[] {
  const { valid, errors } = new Validator(schema, "2020-12", false).validate(values);
  return valid ? [] : errors;
}
