import type { Generation } from "../../issuance/generation.ts";
import { buildTrustBundle } from "../../wire/trust-bundle.ts";
import { jsonOfGeneration } from "../read-of-generation.ts";
import type { Handler } from "../route.ts";

/** GET /api/v2/trustBundle: the CA chains that relying parties may trust. */
export function makeTrustBundle(generation: () => Generation): Handler {
  return jsonOfGeneration(generation, ({ trustBundle }) => buildTrustBundle(trustBundle));
}
