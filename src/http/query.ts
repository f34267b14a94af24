import { decodeBase64 } from "../core/encoding/base64.ts";
import { MayflyError } from "../core/errors.ts";

/** The parameters of a request's query (WHATWG URL, application/x-www-form-urlencoded). */
export class Query {
  readonly #parameters: URLSearchParams;

  /** @param text without its question mark */
  constructor(text: string) {
    this.#parameters = new URLSearchParams(text);
  }

  /**
   * A number in decimal, as everybody writes it: no sign, no leading zeros, no exponent.
   *
   * @returns 0 to 2^53 − 1
   * @throws MayflyError `malformed_request` (PARAMETER_INVALID) when it is missing, there twice, or anything else
   */
  decimal(name: string): number {
    const text = this.#only(name);
    const value = Number(text);
    if (!DECIMAL.test(text) || !Number.isSafeInteger(value)) throw invalid(name, "no decimal number");
    return value;
  }

  /**
   * Bytes in base64 with padding (RFC 4648 §4).
   *
   * @param length how many bytes they must be
   * @throws MayflyError `malformed_request` (PARAMETER_INVALID) when it is missing, there twice, or anything else
   */
  base64(name: string, length: number): Uint8Array {
    const bytes = decodeBase64(this.#only(name));
    if (bytes?.length !== length) throw invalid(name, `not ${length} bytes in base64`);
    return bytes;
  }

  #only(name: string): string {
    const values = this.#parameters.getAll(name);
    const [value] = values;
    // Of two values a cache might take the one and a server the other.
    if (value === undefined || values.length > 1) throw invalid(name, `there ${values.length} times`);
    return value;
  }
}

const DECIMAL = /^(?:0|[1-9]\d{0,15})$/u;

function invalid(name: string, why: string): MayflyError {
  return new MayflyError("PARAMETER_INVALID", `${name}: ${why}`);
}
