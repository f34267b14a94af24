/**
 * Why a document of an issuer could not be had. `transient` failures pass by themselves (network, 5xx); `persistent`
 * ones need somebody to change something (4xx, an invalid document), so they are tried again later.
 */
export class IssuerFailure extends Error {
  override readonly name = "IssuerFailure";
  readonly kind: "transient" | "persistent";

  constructor(kind: IssuerFailure["kind"], detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.kind = kind;
  }
}
