import type { Telemetry } from "../ports/telemetry.ts";
import type { WitnessAnswer } from "../ports/witness.ts";
import type { ContactOptions } from "../tlog/witness/witness-contact.ts";

/**
 * Tells of every answer as a metric, and as a line when a witness begins to fail or is back. A conflict is no failure: it
 * says from where to go on.
 *
 * @param shard name of the shard whose checkpoints are shown
 */
export function watchWitnesses(
  shard: string,
  telemetry: Pick<Telemetry, "notice" | "witnessAnswer">,
): Required<Pick<ContactOptions, "onAnswer">> {
  const failing = new Set<string>();
  return {
    onAnswer: (witness, answer, { durationMs, treeSize }) => {
      const { result } = answer;
      telemetry.witnessAnswer({
        ...{ shard, witness, result, durationMs },
        ...(result === "cosigned" ? { cosigned: { treeSize, timestampSeconds: answer.timestampSeconds } } : {}),
      });
      if (result === "conflict") return;
      if (result === "cosigned") {
        if (failing.delete(witness)) telemetry.notice("info", "a witness cosigns again", { shard, witness });
      } else if (!failing.has(witness)) {
        failing.add(witness);
        telemetry.notice("warn", "a witness does not cosign", { shard, witness, result, detail: detailOf(answer) });
      }
    },
  };
}

function detailOf(answer: WitnessAnswer): string {
  return "detail" in answer ? answer.detail : "";
}
