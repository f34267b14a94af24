import type { KMSClient } from "@aws-sdk/client-kms";
import { asCredentialsFailure } from "./aws-failure.ts";

/** The credentials of a client: the SDK finds them, keeps them and renews them before they end. */
export class SeenCredentials {
  readonly #client: Pick<KMSClient, "config">;
  #accessKeyId: string | undefined;
  #renewals = 0;

  constructor(client: Pick<KMSClient, "config">) {
    this.#client = client;
  }

  /** How often others have taken the place of those before. */
  get renewals(): number {
    return this.#renewals;
  }

  /** Has the SDK get them if they are not there or about to end. @throws KeyFailure */
  look(): Promise<void> {
    return this.#get({});
  }

  /** Gets them anew, whatever is left of those before. @throws KeyFailure */
  renew(): Promise<void> {
    return this.#get({ forceRefresh: true });
  }

  async #get(how: { readonly forceRefresh?: boolean }): Promise<void> {
    try {
      const { accessKeyId } = await this.#client.config.credentials(how);
      if (this.#accessKeyId !== undefined && this.#accessKeyId !== accessKeyId) this.#renewals++;
      this.#accessKeyId = accessKeyId;
    } catch (error) {
      throw asCredentialsFailure(error);
    }
  }
}
