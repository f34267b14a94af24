import type * as library from "google-auth-library";
import { describeCauses, MayflyError } from "../../../core/errors.ts";
import { KeyFailure } from "../remote/key-failure.ts";
import { untilAborted } from "../remote/until-aborted.ts";

const SCOPE = "https://www.googleapis.com/auth/cloudkms";

/** Where access tokens come from. */
export interface GoogleAccessOptions {
  /** Reads Application Default Credentials, JSON; they are found as Google's libraries do when left out. */
  readonly readCredentials: (() => string) | undefined;
  /** Loaded by those who need it. */
  readonly library: Pick<typeof library, "GoogleAuth" | "IdentityPoolClient" | "JWT">;
}

/** The access token that calls are made with: Google's library gets it, keeps it and renews it in time. */
export class GoogleAccess {
  readonly #options: GoogleAccessOptions;
  #get: GetToken | undefined;
  #token: string | undefined;
  #renewals = 0;

  constructor(options: GoogleAccessOptions) {
    this.#options = options;
  }

  /** How often another token has taken the place of one. */
  get renewals(): number {
    return this.#renewals;
  }

  /** @throws KeyFailure */
  async token(signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    try {
      this.#get ??= makeAccess(this.#options);
      return this.#remember(await untilAborted(this.#get().catch(refusedToken), signal));
    } catch (error) {
      // The library has no limit of its own: a request that hangs would be waited for by every later caller.
      this.#get = undefined;
      throw error;
    }
  }

  #remember(token: string | null | undefined): string {
    if (typeof token !== "string" || token === "") throw new KeyFailure("credentials", "no access token was given");
    if (token !== this.#token) {
      if (this.#token !== undefined) this.#renewals++;
      this.#token = token;
    }
    return token;
  }

  /** Gets another token, with credentials that are read anew. @throws KeyFailure */
  async renew(signal: AbortSignal): Promise<void> {
    this.#get = undefined;
    await this.token(signal);
  }
}

/** Asks for an access token, or takes the one that is good for a while. */
type GetToken = () => Promise<string | null | undefined>;

function makeAccess({ library, readCredentials }: GoogleAccessOptions): GetToken {
  if (readCredentials !== undefined) {
    const client = makeClient(parseCredentials(readCredentials), library);
    return async () => (await client.getAccessToken()).token;
  }
  const auth = new library.GoogleAuth({ scopes: [SCOPE] });
  return () => auth.getAccessToken();
}

/** Only types that run no program: a file that somebody else can write would otherwise be code. */
function makeClient(
  credentials: Readonly<Record<string, unknown>>,
  { IdentityPoolClient, JWT }: GoogleAccessOptions["library"],
): Pick<library.AuthClient, "getAccessToken"> {
  const { type, client_email: email, private_key: key, private_key_id: keyId } = credentials;
  if (type === "service_account" && typeof email === "string" && typeof key === "string") {
    return new JWT({ scopes: [SCOPE], email, key, ...(typeof keyId === "string" ? { keyId } : {}) });
  }
  if (type === "external_account") {
    try {
      return new IdentityPoolClient({ ...credentials, scopes: [SCOPE] } as never);
    } catch {
      // Said below.
    }
  }
  throw new KeyFailure(
    "denied",
    "the credentials cannot be used: neither a whole service_account nor external_account",
  );
}

function parseCredentials(read: () => string): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(read());
  } catch (error) {
    const why = error instanceof MayflyError ? describeCauses(error) : "they are no JSON";
    throw new KeyFailure("denied", `the credentials cannot be used: ${why}`);
  }
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return { ...parsed };
  throw new KeyFailure("denied", "the credentials cannot be used: they are no JSON object");
}

/** What the library says may hold the request with its tokens: only its status is told. */
function refusedToken(error: unknown): never {
  const status = statusOf(error);
  if (status !== undefined) {
    const kind = status === 429 ? "quota" : status >= 400 && status < 500 ? "denied" : "unavailable";
    throw new KeyFailure(kind, `the request for an access token was answered with ${status}`);
  }
  const { code, name } = error as { readonly code?: unknown; readonly name?: unknown };
  if (typeof code === "string" && /^E[A-Z]+(?:_[A-Z]+)*$/u.test(code)) {
    throw new KeyFailure(FILE_ERRORS.has(code) ? "denied" : "unavailable", `an access token cannot be had: ${code}`);
  }
  if (name === "GaxiosError") throw new KeyFailure("unavailable", "the request for an access token had no answer");
  throw new KeyFailure(
    "denied",
    "an access token cannot be had: there are no Application Default Credentials, or they cannot be used",
  );
}

/** The HTTP status of an answer, wherever the library has put it. */
function statusOf(error: unknown): number | undefined {
  const { status, code, response } = error as {
    readonly status?: unknown;
    readonly code?: unknown;
    readonly response?: { readonly status?: unknown };
  };
  return [response?.status, status, code].map(Number).find((value) => value >= 100 && value < 600);
}

/** Of files that credentials are read from. */
const FILE_ERRORS: ReadonlySet<string> = new Set(["ENOENT", "EACCES", "EISDIR", "EPERM"]);
