import type { DiscoveryDocument } from "./discovery.ts";
import type { IssuerKeys } from "./issuer-documents.ts";
import { parseJwks } from "./jwks.ts";
import { JWS_ALGORITHMS, type JwsAlgorithm } from "../../core/identity/jws-algorithms.ts";

/** The documents of an issuer whose keys the operator wrote down: nothing is fetched. */
export class StaticDocuments {
  readonly #keys: IssuerKeys;

  /**
   * @param jwks a JWK Set (RFC 7517 §5)
   * @param algorithms those that tokens may use; all that the keys are for when left out
   * @throws IssuerFailure when there is no key in it that may verify ID tokens
   */
  constructor(jwks: Uint8Array, algorithms: readonly JwsAlgorithm[] = JWS_ALGORITHMS) {
    this.#keys = { set: parseJwks(jwks), algorithms: new Set(algorithms) };
  }

  discover(): Promise<DiscoveryDocument> {
    return Promise.resolve({ jwksUri: "", algorithms: this.#keys.algorithms });
  }

  fetchKeys(): Promise<IssuerKeys> {
    return Promise.resolve(this.#keys);
  }
}
