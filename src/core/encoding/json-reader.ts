/** A number exactly as it was written, so that nothing is rounded on the way into a certificate. */
export interface JsonNumber {
  readonly kind: "number";
  readonly text: string;
}

/** A JSON object: own members only, in the order they were written, never with a prototype. */
export type JsonObject = ReadonlyMap<string, JsonValue>;

export type JsonValue = string | boolean | null | JsonNumber | readonly JsonValue[] | JsonObject;
