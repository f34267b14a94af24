import type { FulcioExtensions } from "../../identity/principal.ts";
import { oid, utf8, utf8String } from "../../encoding/der-writer.ts";
import { encodeExtension } from "./extension.ts";

/** How a value stands in its extension: as bare UTF-8 text, or as a DER UTF8String. */
export type FulcioForm = "raw" | "utf8";

/** Fulcio's extensions by the last arc N of 1.3.6.1.4.1.57264.1.N, ascending, the order in which they are written. */
// prettier-ignore
export const FULCIO_EXTENSIONS: readonly { number: number; name: keyof FulcioExtensions; form: FulcioForm }[] = [
  { number: 1,  name: "issuer",                              form: "raw" },
  { number: 2,  name: "githubWorkflowTrigger",               form: "raw" },
  { number: 3,  name: "githubWorkflowSha",                   form: "raw" },
  { number: 4,  name: "githubWorkflowName",                  form: "raw" },
  { number: 5,  name: "githubWorkflowRepository",            form: "raw" },
  { number: 6,  name: "githubWorkflowRef",                   form: "raw" },
  { number: 8,  name: "issuer",                              form: "utf8" },
  { number: 9,  name: "buildSignerUri",                      form: "utf8" },
  { number: 10, name: "buildSignerDigest",                   form: "utf8" },
  { number: 11, name: "runnerEnvironment",                   form: "utf8" },
  { number: 12, name: "sourceRepositoryUri",                 form: "utf8" },
  { number: 13, name: "sourceRepositoryDigest",              form: "utf8" },
  { number: 14, name: "sourceRepositoryRef",                 form: "utf8" },
  { number: 15, name: "sourceRepositoryIdentifier",          form: "utf8" },
  { number: 16, name: "sourceRepositoryOwnerUri",            form: "utf8" },
  { number: 17, name: "sourceRepositoryOwnerIdentifier",     form: "utf8" },
  { number: 18, name: "buildConfigUri",                      form: "utf8" },
  { number: 19, name: "buildConfigDigest",                   form: "utf8" },
  { number: 20, name: "buildTrigger",                        form: "utf8" },
  { number: 21, name: "runInvocationUri",                    form: "utf8" },
  { number: 22, name: "sourceRepositoryVisibilityAtSigning", form: "utf8" },
  { number: 23, name: "deploymentEnvironment",               form: "utf8" },
  { number: 24, name: "tokenSubject",                        form: "utf8" },
];

const ENCODED = FULCIO_EXTENSIONS.map(({ number, name, form }) => ({
  extnId: oid(`1.3.6.1.4.1.57264.1.${String(number)}`),
  name,
  encodeValue: form === "raw" ? utf8 : utf8String,
}));

/**
 * The extensions that say what the ID token said, none critical, in ascending order. An absent or empty value leaves
 * its extension out.
 *
 * @returns one DER Extension each
 * @throws RangeError when a value is not well-formed Unicode
 */
export function encodeFulcioExtensions(values: FulcioExtensions): readonly Uint8Array[] {
  const encoded: Uint8Array[] = [];
  for (const { extnId, name, encodeValue } of ENCODED) {
    const text = values[name];
    if (text !== undefined && text !== "") encoded.push(encodeExtension(extnId, "not-critical", encodeValue(text)));
  }
  return encoded;
}
