import { join } from "node:path";
import { configText } from "../service.ts";
import { startBoth } from "./both.ts";
import type { Both } from "./both.ts";
import { developmentIssuerFile } from "./real-fulcio.ts";
import { startTokenSource } from "./token-source.ts";
import type { TokenSource } from "./token-source.ts";

/** Real Fulcio and a Mayfly process that trust one development issuer. */
export interface Lab extends Both {
  readonly source: TokenSource;
}

/** Starts both; what they are built from must have been built. */
export async function openLab(): Promise<Lab> {
  const source = await startTokenSource();
  const both = await startBoth({
    issuerUrl: source.issuer.url,
    fulcio: { issuers: developmentIssuerFile(source.issuer) },
    mayfly: { config: (folder) => configText(source.issuer, join(folder, "data")) },
  });
  return {
    ...both,
    source,
    close: async () => {
      await both.close();
      await source.issuer.close();
    },
  };
}
