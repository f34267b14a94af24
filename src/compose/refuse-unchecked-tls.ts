import { MayflyError } from "../core/errors.ts";
import type { Environment } from "./read-secret.ts";

/**
 * Refuses an environment in which Node.js checks no certificate of any server: key services, witnesses and whatever else
 * does not insist by itself could be anybody.
 *
 * @throws MayflyError `internal` (TLS_NOT_CHECKED)
 */
export function refuseUncheckedTls(env: Environment): void {
  // Node.js takes this value only, and every other one as the default.
  if (env["NODE_TLS_REJECT_UNAUTHORIZED"] !== "0") return;
  throw new MayflyError(
    "TLS_NOT_CHECKED",
    "NODE_TLS_REJECT_UNAUTHORIZED=0 is set: no server's certificate would be checked; unset it, and name authorities of your own in the configuration",
  );
}
