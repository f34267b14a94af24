import type { Generation } from "../issuance/generation.ts";
import { SHORT_LIVED_JSON } from "./headers.ts";
import type { HeaderFields } from "./headers.ts";
import type { Handler } from "./route.ts";

/**
 * A read that depends on nothing but the configuration: its body is made once per generation and then only sent.
 *
 * @param encode makes the body, whose media type and lifetime `headers` tell
 */
export function readOfGeneration(
  generation: () => Generation,
  headers: HeaderFields,
  encode: (generation: Generation) => string,
): Handler {
  let current: { readonly generation: Generation; readonly body: Uint8Array } | undefined;
  return () => {
    const now = generation();
    if (current?.generation !== now) current = { generation: now, body: Buffer.from(encode(now), "utf8") };
    return { status: 200, headers, body: current.body };
  };
}

/** Such a read of a message in its JSON form. */
export function jsonOfGeneration(generation: () => Generation, build: (generation: Generation) => object): Handler {
  return readOfGeneration(generation, SHORT_LIVED_JSON, (now) => JSON.stringify(build(now)));
}
