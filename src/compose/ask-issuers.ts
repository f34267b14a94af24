import { systemClock } from "../adapters/clock/system-clock.ts";
import type { IssuerSettings } from "../adapters/oidc/issuer-settings.ts";
import { openTokenVerifier } from "../adapters/oidc/open-token-verifier.ts";

/** Whether an issuer gave its discovery document and its keys. */
export interface AskedIssuer {
  readonly url: string;
  /** Keys that its tokens may be signed with; none where it did not answer. */
  readonly keys: number;
  /** Whether they are written down, so that nobody was asked. */
  readonly isFromFile: boolean;
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
    const filed = new Set(issuers.filter(({ jwks }) => jwks !== undefined).map(({ url }) => url));
    return Array.from(verifier.keyCounts(), ([url, keys]) => {
      const failure = failures.get(url);
      const asked = { url, keys, isFromFile: filed.has(url) };
      return failure === undefined ? asked : { ...asked, failure };
    });
  } finally {
    await verifier.close();
  }
}
