import { z } from "zod";
import { parseKeyUri } from "./key-uri.ts";
import { remoteSigner } from "./remote-signer.ts";
import type { RemoteSignerConfig } from "./remote-signer.ts";

/**
 * A remote key by the URI that Fulcio and cosign name it with. The URI stands for a kind and some of its members; the others
 * are written beside it, and all together are judged as a signer of that kind.
 */
export const uriSigner = z
  .looseObject({
    kind: z
      .literal("uri")
      .describe("A key by its URI; what the URI does not say is written beside it, as in its kind."),
    uri: z
      .string()
      .max(2048)
      .describe("`awskms://`, `azurekms://`, `gcpkms://`, `hashivault://` or `pkcs11:` (RFC 7512)."),
  })
  .transform((written, context): RemoteSignerConfig => {
    const { uri, ...beside } = written;
    const parsed = parseKeyUri(uri);
    if ("problem" in parsed) {
      context.addIssue({ code: "custom", path: ["uri"], message: parsed.problem });
      return z.NEVER;
    }
    for (const name of Object.keys(parsed.members).filter((member) => Object.hasOwn(beside, member))) {
      context.addIssue({ code: "custom", path: [name], message: "the URI says it already" });
    }
    const judged = remoteSigner.safeParse({ ...beside, ...parsed.members, kind: parsed.kind });
    if (judged.success) return judged.data;
    for (const issue of judged.error.issues) {
      const isInUri = Object.hasOwn(parsed.members, String(issue.path[0]));
      context.addIssue({
        code: "custom",
        path: isInUri ? ["uri"] : [...issue.path],
        message: explain(issue, parsed.kind),
      });
    }
    return z.NEVER;
  });

/** The same issue for somebody who did not write the kind's name. */
function explain(issue: z.core.$ZodIssue, kind: string): string {
  const where = issue.path.join(".");
  if (issue.code === "unrecognized_keys") return `a signer of kind ${kind} has no ${issue.keys.join(", ")}`;
  return where === "" ? issue.message : `${where} of a signer of kind ${kind}: ${issue.message}`;
}
