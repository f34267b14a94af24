import { PresentationError } from "../../src/core/encoding/tls-presentation.ts";
import { mutationsOf } from "./mutate.ts";
import { same, seeds, type Reader } from "./reader.ts";

/** A structure in the TLS presentation language (RFC 8446 §3), and the two functions that are each other's inverse. */
interface Structure<T> extends Pick<Reader, "name" | "expensive"> {
  readonly decode: (bytes: Uint8Array) => T;
  readonly encode: (value: T) => Uint8Array;
  /** Name of its seeds in the corpus. */
  readonly seed: string;
}

/** The reader of a structure: whatever it takes, the structure's writer gives back byte for byte. */
export function structureReader<T>({ name, decode, encode, seed, expensive }: Structure<T>): Reader {
  return {
    name,
    read: decode,
    refusal: PresentationError,
    // What is judged here was read by `decode`.
    agrees: (bytes, read) => same(encode(read as T), bytes),
    inputs: mutationsOf(seeds(seed)),
    limit: 65_536,
    weight: 1,
    expensive,
  };
}
