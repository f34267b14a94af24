import type { Router } from "router";
import { TRUST_FILE_NAMES } from "../../trust/trust-file-names.ts";
import type { TrustFileName, TrustFiles } from "../../trust/trust-file-names.ts";
import { SHORT_LIVED_JSON, SHORT_LIVED_PEM_CHAIN, SHORT_LIVED_TEXT } from "../headers.ts";
import type { HeaderFields } from "../headers.ts";
import { makeRepresent } from "../representation.ts";
import { addRoute } from "../route.ts";
import type { Handler } from "../route.ts";

/**
 * GET and HEAD of the files that say whom to trust, below /trust. Whoever believes them because they come from here trusts on
 * first use; the fingerprints are there to be compared with what the operator says elsewhere.
 *
 * @param files those of the shards as they are now; the same value while nothing has changed
 */
export function addTrustFiles(router: Router, files: () => TrustFiles): void {
  const represent = makeRepresent();
  for (const name of TRUST_FILE_NAMES) {
    const headers = headersOf(name);
    const handler: Handler = (request) => represent(request, { headers, body: files()[name], isCompressible: false });
    addRoute(router, `/trust/${name}`, { GET: handler, HEAD: handler });
  }
}

function headersOf(name: TrustFileName): HeaderFields {
  if (name.endsWith(".json")) return SHORT_LIVED_JSON;
  return name === "chain.pem" ? SHORT_LIVED_PEM_CHAIN : SHORT_LIVED_TEXT;
}
