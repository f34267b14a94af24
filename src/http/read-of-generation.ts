import type { Generation } from "../issuance/generation.ts";
import { SHORT_LIVED_JSON } from "./headers.ts";
import type { Handler } from "./route.ts";

/**
 * A read that depends on nothing but the configuration: its body is made once per generation and then only sent.
 *
 * @param build makes the message, in its JSON form
 */
export function readOfGeneration(generation: () => Generation, build: (generation: Generation) => object): Handler {
  let current: { readonly generation: Generation; readonly body: Uint8Array } | undefined;
  return () => {
    const now = generation();
    if (current?.generation !== now) {
      current = { generation: now, body: Buffer.from(JSON.stringify(build(now)), "utf8") };
    }
    return { status: 200, headers: SHORT_LIVED_JSON, body: current.body };
  };
}
