import type { GenerationSource } from "../../src/compose/generations.ts";
import type { MakeGeneration } from "../../src/compose/make-generation.ts";

/** A source of generations that says when it is closed. */
export function sourceOf(make: MakeGeneration, onClose: () => void = () => undefined): GenerationSource {
  return {
    make,
    close: () => {
      onClose();
      return Promise.resolve();
    },
  };
}
