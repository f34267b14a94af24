import { TokenProcess } from "./token-process.ts";

/**
 * Processes by their module: all keys behind a module share one, because logins are those of a process, and each login with a
 * wrong PIN counts.
 */
const SHARED = new Map<string, { readonly process: TokenProcess; users: number }>();

/** A process that is shared, until its last user releases it. */
export interface SharedTokenProcess {
  readonly process: TokenProcess;
  /** Twice is fine. */
  release(): Promise<void>;
}

/** @param path the module */
export function shareTokenProcess(path: string): SharedTokenProcess {
  const shared = SHARED.get(path) ?? { process: new TokenProcess(path), users: 0 };
  SHARED.set(path, shared);
  shared.users++;
  let isReleased = false;
  return {
    process: shared.process,
    release: async () => {
      if (isReleased) return;
      isReleased = true;
      if (--shared.users > 0) return;
      SHARED.delete(path);
      await shared.process.close();
    },
  };
}
