import type { IssueCertificate } from "../core/issuance-types.ts";

/** Issuance whose end can be waited for. */
export interface CountedIssuance {
  readonly issueCertificate: IssueCertificate;
  /** Resolves when no request is under way; asked for once no further one comes. */
  readonly idle: () => Promise<void>;
}

/** Counts the requests of an issuance, so that what they use can be closed behind the last of them. */
export function countInFlight(issue: IssueCertificate): CountedIssuance {
  let inFlight = 0;
  let idle: PromiseWithResolvers<void> | undefined;
  const settle = (): void => {
    if (inFlight === 0) idle?.resolve();
  };
  return {
    issueCertificate: async (request, signal) => {
      inFlight++;
      try {
        return await issue(request, signal);
      } finally {
        inFlight--;
        settle();
      }
    },
    idle: () => {
      idle ??= Promise.withResolvers();
      settle();
      return idle.promise;
    },
  };
}
