import { describeCauses, MayflyError } from "../../../core/errors.ts";
import type { Clock } from "../../../ports/clock.ts";
import { KeyFailure } from "../remote/key-failure.ts";
import type { KeyFailureKind } from "../remote/key-failure.ts";
import { membersOf } from "./vault-client.ts";
import type { VaultClient } from "./vault-client.ts";

/** Who asks. What is secret is read anew each time, and may throw a MayflyError. */
export type VaultCredentials =
  | { readonly kind: "token"; readonly readToken: () => string }
  | {
      readonly kind: "app-role";
      readonly mount: string;
      readonly roleId: string;
      readonly readSecretId: () => string;
    }
  | { readonly kind: "kubernetes"; readonly mount: string; readonly role: string; readonly readJwt: () => string };

/** A token as the server has given it. */
interface Lease {
  readonly token: string;
  /** When it is renewed, on the clock that never steps; never when the server says no end. */
  readonly renewAtMs: number;
  /** When it is not taken any more, on the same clock. */
  readonly endsAtMs: number;
  readonly isRenewable: boolean;
}

/** Of its life, a token is used so long before it is renewed: what is left is for servers that are away. */
const USED_SHARE = 2 / 3;
/** A token that could not be renewed, and is still good, is used so long before that is tried again. */
const AGAIN_MS = 5_000;

/** Why a renewal may fail that says nothing against who asks. */
const PASSING: ReadonlySet<KeyFailureKind> = new Set<KeyFailureKind>([
  "timeout",
  "unavailable",
  "quota",
  "wrong-answer",
]);

/** The token that calls are made with: got at the first call, renewed before it ends, and got anew when it is not taken. */
export class VaultSession {
  readonly #client: VaultClient;
  readonly #credentials: VaultCredentials;
  readonly #clock: Pick<Clock, "monotonic">;
  #lease: Lease | undefined;
  #underWay: Promise<Lease> | undefined;
  #renewals = 0;

  constructor(client: VaultClient, credentials: VaultCredentials, clock: Pick<Clock, "monotonic">) {
    this.#client = client;
    this.#credentials = credentials;
    this.#clock = clock;
  }

  /** How often another token has taken the place of one. */
  get renewals(): number {
    return this.#renewals;
  }

  /** @throws KeyFailure */
  async token(signal: AbortSignal): Promise<string> {
    const lease = this.#lease;
    if (lease !== undefined && this.#clock.monotonic() < lease.renewAtMs) return lease.token;
    return (await this.#once(() => this.#prolongOrKeep(lease, signal))).token;
  }

  /** Logs in again, whatever is left of the token. @throws KeyFailure */
  async renew(signal: AbortSignal): Promise<void> {
    await this.#once(() => this.#logIn(signal));
  }

  async #once(get: () => Promise<Lease>): Promise<Lease> {
    this.#underWay ??= get().finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  /** While a token is good, signatures do not wait for a server that answers nothing but them. */
  async #prolongOrKeep(lease: Lease | undefined, signal: AbortSignal): Promise<Lease> {
    try {
      return await this.#prolong(lease, signal);
    } catch (error) {
      const nowMs = this.#clock.monotonic();
      const passes = signal.aborted || (error instanceof KeyFailure && PASSING.has(error.kind));
      if (!passes || lease === undefined || nowMs >= lease.endsAtMs) throw error;
      const kept = { ...lease, renewAtMs: nowMs + AGAIN_MS };
      this.#lease = kept;
      if (signal.aborted) throw error;
      return kept;
    }
  }

  /** Renewing keeps what a login would use up, as the uses of a secret id. */
  async #prolong(lease: Lease | undefined, signal: AbortSignal): Promise<Lease> {
    if (lease?.isRenewable !== true) return this.#logIn(signal);
    try {
      const call = { method: "POST", path: "auth/token/renew-self", body: {}, token: lease.token } as const;
      const auth = membersOf((await this.#client.call(call, signal))["auth"], "auth");
      const next = this.#leaseOf(lease.token, auth["lease_duration"], auth["renewable"]);
      this.#lease = next;
      return next;
    } catch (error) {
      if (!(error instanceof KeyFailure) || error.kind !== "credentials") throw error;
      return this.#logIn(signal);
    }
  }

  async #logIn(signal: AbortSignal): Promise<Lease> {
    const next = await this.#getToken(signal);
    if (this.#lease !== undefined) this.#renewals++;
    this.#lease = next;
    return next;
  }

  #getToken(signal: AbortSignal): Promise<Lease> {
    const credentials = this.#credentials;
    switch (credentials.kind) {
      case "token":
        return this.#lookUp(read(credentials.readToken), signal);
      case "app-role": {
        const body = { role_id: credentials.roleId, secret_id: read(credentials.readSecretId) };
        return this.#post(`auth/${credentials.mount}/login`, body, signal);
      }
      case "kubernetes": {
        const body = { role: credentials.role, jwt: read(credentials.readJwt) };
        return this.#post(`auth/${credentials.mount}/login`, body, signal);
      }
    }
  }

  async #post(path: string, body: object, signal: AbortSignal): Promise<Lease> {
    try {
      const auth = membersOf((await this.#client.call({ method: "POST", path, body }, signal))["auth"], "auth");
      const { client_token: token } = auth;
      if (typeof token !== "string" || !isToken(token)) throw new KeyFailure("wrong-answer", "a login without a token");
      return this.#leaseOf(token, auth["lease_duration"], auth["renewable"]);
    } catch (error) {
      throw refusedLogin(error);
    }
  }

  /** How long a token of somebody else's is good for; those that may not ask are used until they are not taken. */
  async #lookUp(token: string, signal: AbortSignal): Promise<Lease> {
    if (!isToken(token)) throw new KeyFailure("denied", "what should be a token has characters that no token has");
    try {
      const call = { method: "GET", path: "auth/token/lookup-self", token } as const;
      const data = membersOf((await this.#client.call(call, signal))["data"], "data");
      return this.#leaseOf(token, data["ttl"], data["renewable"]);
    } catch (error) {
      if (!(error instanceof KeyFailure) || error.kind !== "credentials") throw error;
      return this.#leaseOf(token, 0, false);
    }
  }

  #leaseOf(token: string, seconds: unknown, renewable: unknown): Lease {
    const hasEnd = typeof seconds === "number" && Number.isFinite(seconds) && seconds > 0;
    const lifeMs = hasEnd ? seconds * 1_000 : Number.POSITIVE_INFINITY;
    const nowMs = this.#clock.monotonic();
    const isRenewable = renewable === true;
    return { token, renewAtMs: nowMs + lifeMs * USED_SHARE, endsAtMs: nowMs + lifeMs, isRenewable };
  }
}

/** What can be sent in a header field, and nothing that would end it. */
const isToken = (text: string): boolean => /^[\x21-\x7e]{1,8192}$/u.test(text);

/** A secret from where it is kept. */
function read(secret: () => string): string {
  try {
    return secret();
  } catch (error) {
    if (error instanceof MayflyError) throw new KeyFailure("denied", describeCauses(error));
    throw error;
  }
}

/** There is nothing to renew about what one logs in with. */
function refusedLogin(error: unknown): unknown {
  if (!(error instanceof KeyFailure)) return error;
  const isRefusal = ["credentials", "refused", "key-unusable"].includes(error.kind);
  return isRefusal ? new KeyFailure("denied", `login: ${error.message}`) : error;
}
