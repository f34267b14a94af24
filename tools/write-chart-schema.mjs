// Puts the schema of Mayfly's configuration into that of the chart's values, as `$defs`: a chart has one schema, in one file.
// Of `$defs` only `keyPlace` is the chart's own.
// With --check nothing is written, and it fails when they differ.
import { readFileSync, writeFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { format, resolveConfig } from "prettier";

const VALUES = "helm/mayfly/values.schema.json";
const CONFIGURATION = "config/mayfly.schema.json";

/** Helm's expressions are Go's, which cannot look around. Mayfly itself judges what they would. */
const LOOKS_AROUND = /\(\?<?[=!]/u;

/** The same schema without expressions that look around. */
function forHelm(schema) {
  if (Array.isArray(schema)) return schema.map(forHelm);
  if (typeof schema !== "object" || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([name, value]) => !(name === "pattern" && typeof value === "string" && LOOKS_AROUND.test(value)))
      .map(([name, value]) => [name, forHelm(value)]),
  );
}

const read = (file) => JSON.parse(readFileSync(file, "utf8"));
const { $schema, $defs, ...configuration } = read(CONFIGURATION);
const values = read(VALUES);
if ($schema !== values.$schema) throw new Error(`${CONFIGURATION} and ${VALUES} are in different dialects`);
const { keyPlace } = values.$defs;
const written = { ...values, $defs: { keyPlace, ...forHelm({ configuration, ...$defs }) } };
if (process.argv.includes("--check")) {
  if (!isDeepStrictEqual(values, written)) {
    console.error(`${VALUES} is behind ${CONFIGURATION}: npm run chart:schema`);
    process.exitCode = 1;
  }
} else {
  writeFileSync(VALUES, await format(JSON.stringify(written), { ...(await resolveConfig(VALUES)), filepath: VALUES }));
}
