import type { Generation } from "../../issuance/generation.ts";
import { buildConfiguration } from "../../wire/configuration.ts";
import { jsonOfGeneration } from "../read-of-generation.ts";
import type { Handler } from "../route.ts";

/** GET /api/v2/configuration: the issuers whose tokens are accepted. */
export function makeConfiguration(generation: () => Generation): Handler {
  return jsonOfGeneration(generation, ({ issuers }) => buildConfiguration(issuers));
}
