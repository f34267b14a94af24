import type { Generation } from "../../issuance/generation.ts";
import { encodePemTrustBundle } from "../../wire/pem-certificate-chain.ts";
import { SHORT_LIVED_PEM_CHAIN } from "../headers.ts";
import { readOfGeneration } from "../read-of-generation.ts";
import type { Handler } from "../route.ts";

/** GET /api/v1/rootCert: the CA chains that relying parties may trust, as PEM text. */
export function makeRootCert(generation: () => Generation): Handler {
  return readOfGeneration(generation, SHORT_LIVED_PEM_CHAIN, ({ trustBundle }) => encodePemTrustBundle(trustBundle));
}
