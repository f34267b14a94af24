/** Exactly one token must fit what is there. */
export interface TokenChoice {
  /** CK_TOKEN_INFO.label, without its padding. */
  readonly label?: string | undefined;
  /** CK_TOKEN_INFO.serialNumber, without its padding. */
  readonly serial?: string | undefined;
  /** CK_SLOT_ID; many modules number their slots anew. */
  readonly slot?: number | undefined;
}

/** Exactly one private key must fit what is there. */
export interface KeyChoice {
  /** CKA_LABEL. */
  readonly label?: string | undefined;
  /** CKA_ID, hexadecimal. */
  readonly id?: string | undefined;
}

/** What a module is asked to do, in the process that it runs in. */
export type TokenCall =
  | { readonly kind: "log-in"; readonly token: TokenChoice; readonly pin: string }
  | { readonly kind: "public-key"; readonly token: TokenChoice; readonly key: KeyChoice }
  | {
      readonly kind: "sign";
      readonly token: TokenChoice;
      readonly key: KeyChoice;
      /** CKM_…, without parameters. */
      readonly mechanism: number;
      readonly data: Uint8Array;
    };

/** To the process. */
export interface TokenRequest {
  readonly id: number;
  readonly call: TokenCall;
}

/** Attributes of a key pair; what a token does not have is left out. */
export interface PublicAttributes {
  /** CKA_KEY_TYPE. */
  readonly keyType: number;
  /** CKA_SIGN of the private key. */
  readonly canSign: boolean;
  /** CKA_ALWAYS_AUTHENTICATE of the private key. */
  readonly asksEachTime: boolean;
  readonly modulus?: Uint8Array | undefined;
  readonly publicExponent?: Uint8Array | undefined;
  /** CKA_EC_PARAMS. */
  readonly ecParameters?: Uint8Array | undefined;
  readonly ecPoint?: Uint8Array | undefined;
}

/**
 * What the process itself finds wrong, beside the module's CKR_…: no module or several answers to a choice, nobody logged in,
 * or a login that might lock the token.
 */
export type TokenFault =
  | "MODULE_NOT_LOADED"
  | "NO_TOKEN"
  | "SEVERAL_TOKENS"
  | "NO_KEY"
  | "SEVERAL_KEYS"
  | "NO_PUBLIC_KEY"
  | "LOGIN_NEEDED"
  | "PIN_AT_RISK";

/** From the process: a signature, attributes, nothing for a login, or the name of what went wrong. */
export type TokenReply =
  | { readonly id: number; readonly result: Uint8Array | PublicAttributes | undefined }
  | { readonly id: number; readonly fault: string };
