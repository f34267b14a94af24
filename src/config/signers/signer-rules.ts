import type { Rule } from "../rule.ts";

/** What is logged must be signed: only certificates that are not begun can be spared. */
const budgetOfCa: Rule = ({ log: { shards } }) =>
  shards.flatMap((shard) =>
    (["signer", "checkpointSigner"] as const).flatMap((name) => {
      const signer = shard[name];
      if (signer === undefined || !("signaturesPerSecond" in signer) || signer.signaturesPerSecond === undefined)
        return [];
      return [
        {
          path: [...shard.place, name, "signaturesPerSecond"],
          message: "what is logged must be signed; set it for ca.signer, which begins all work",
        },
      ];
    }),
  );

/** What signers must be to the rest. */
export const SIGNER_RULES: readonly Rule[] = [budgetOfCa];
