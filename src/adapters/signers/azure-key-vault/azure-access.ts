import type * as identity from "@azure/identity";
import { describeCauses, MayflyError } from "../../../core/errors.ts";
import { KeyFailure } from "../remote/key-failure.ts";

/** Who asks. What is secret is read anew for each login, and may throw a MayflyError. */
export type AzureCredentials =
  | {
      readonly kind: "workload-identity";
      readonly tenantId?: string | undefined;
      readonly clientId?: string | undefined;
      /** Token of the service account; what is left out, the environment has (AZURE_TENANT_ID and the like). */
      readonly tokenFile?: string | undefined;
    }
  | { readonly kind: "managed-identity"; readonly clientId?: string | undefined }
  | {
      readonly kind: "client-secret";
      readonly tenantId: string;
      readonly clientId: string;
      readonly readSecret: () => string;
    };

/** What of the package is needed; loaded by those who need it. */
export type AzureIdentity = Pick<
  typeof identity,
  "ClientSecretCredential" | "ManagedIdentityCredential" | "WorkloadIdentityCredential"
>;

/** What came of the last request to who gives tokens. */
type Asked = "nothing" | "no answer" | number;

/** The access token that calls are made with: Microsoft's library gets it, keeps it and renews it in time. */
export class AzureAccess implements identity.TokenCredential {
  readonly #credentials: AzureCredentials;
  readonly #identity: AzureIdentity;
  #credential: identity.TokenCredential | undefined;
  #token: string | undefined;
  #renewals = 0;
  #asked: Asked = "nothing";

  constructor(credentials: AzureCredentials, library: AzureIdentity) {
    this.#credentials = credentials;
    this.#identity = library;
  }

  /** How often another token has taken the place of one. */
  get renewals(): number {
    return this.#renewals;
  }

  /** @throws KeyFailure */
  async getToken(scopes: string | string[], options?: identity.GetTokenOptions): Promise<identity.AccessToken> {
    this.#asked = "nothing";
    try {
      this.#credential ??= this.#makeCredential();
      const token = await this.#credential.getToken(scopes, options);
      if (token === null || token.token === "") throw new KeyFailure("credentials", "no access token was given");
      if (this.#token !== undefined && token.token !== this.#token) this.#renewals++;
      this.#token = token.token;
      return token;
    } catch (error) {
      this.forget();
      throw error instanceof KeyFailure ? error : refusedToken(error, this.#asked);
    }
  }

  /** The next token is a new one, of credentials that are read anew. */
  forget(): void {
    this.#credential = undefined;
  }

  #makeCredential(): identity.TokenCredential {
    const { ClientSecretCredential, ManagedIdentityCredential, WorkloadIdentityCredential } = this.#identity;
    const credentials = this.#credentials;
    // Attempts are made by those who call; a secret must not follow a redirect.
    const options = {
      retryOptions: { maxRetries: 0 },
      redirectOptions: { maxRetries: 0 },
      additionalPolicies: [{ policy: this.#statusPolicy(), position: "perCall" as const }],
    };
    switch (credentials.kind) {
      case "workload-identity": {
        const { tenantId, clientId, tokenFile } = credentials;
        return new WorkloadIdentityCredential({
          ...options,
          ...(tenantId === undefined ? {} : { tenantId }),
          ...(clientId === undefined ? {} : { clientId }),
          ...(tokenFile === undefined ? {} : { tokenFilePath: tokenFile }),
        });
      }
      case "managed-identity":
        return credentials.clientId === undefined
          ? new ManagedIdentityCredential(options)
          : new ManagedIdentityCredential({ ...options, clientId: credentials.clientId });
      case "client-secret":
        return new ClientSecretCredential(
          credentials.tenantId,
          credentials.clientId,
          credentials.readSecret(),
          options,
        );
    }
  }

  /** The library's own errors do not say whether there was an answer, and with which status. */
  #statusPolicy(): PipelinePolicy {
    return {
      name: "mayfly-status",
      sendRequest: async (request, next) => {
        this.#asked = "no answer";
        const response = await next(request);
        this.#asked = response.status;
        return response;
      },
    };
  }
}

type PipelinePolicy = NonNullable<identity.ClientSecretCredentialOptions["additionalPolicies"]>[number]["policy"];

/** What the library says may hold what it was asked with: only the status and Microsoft's number of an error are told. */
function refusedToken(error: unknown, asked: Asked): KeyFailure {
  const what = "the request for an access token";
  if (asked === "no answer") return new KeyFailure("unavailable", `${what} had no answer`);
  if (asked === "nothing") {
    const why = error instanceof MayflyError ? describeCauses(error) : "they are not there, or not whole";
    return new KeyFailure("denied", `the credentials cannot be used: ${why}`);
  }
  const number = /AADSTS[0-9]{1,10}/u.exec(Error.isError(error) ? error.message : "")?.[0];
  const text = `${what} was answered with ${asked}${number === undefined ? "" : ` ${number}`}`;
  if (asked === 429) return new KeyFailure("quota", text);
  return new KeyFailure(asked >= 500 ? "unavailable" : "denied", text);
}
