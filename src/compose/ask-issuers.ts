import { systemClock } from "../adapters/clock/system-clock.ts";
import type { IssuerSettings } from "../adapters/oidc/issuer-settings.ts";
import { openTokenVerifier } from "../adapters/oidc/open-token-verifier.ts";

/** Whether an issuer gave its discovery document and its keys. */
export interface AskedIssuer {
  readonly url: string;
  /** Why it did not; absent when it did. */
  readonly failure?: string;
}

/** Fetches the documents of every issuer that is named by its own URL; nobody asks those of a pattern. */
export async function askIssuers(issuers: readonly IssuerSettings[]): Promise<readonly AskedIssuer[]> {
  const failures = new Map<string, string>();
  const verifier = openTokenVerifier({
    issuers,
    clock: systemClock,
    // Of keys that are left out it is told as well, without a reason: those are no failure.
    onNotice: (_level, message, { issuer, reason, detail } = {}) => {
      if (typeof issuer !== "string" || reason === undefined) return;
      failures.set(issuer, `${String(reason)}, ${message}: ${String(detail)}`);
    },
  });
  try {
    await verifier.fetchAhead();
  } finally {
    await verifier.close();
  }
  const urls = new Set(issuers.filter(({ pattern }) => pattern === undefined).map(({ url }) => url));
  return [...urls].map((url) => {
    const failure = failures.get(url);
    return failure === undefined ? { url } : { url, failure };
  });
}
