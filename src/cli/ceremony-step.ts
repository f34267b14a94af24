import type { CeremonyContext, CeremonyStep } from "../compose/ceremony/ceremony-context.ts";
import type { CommandContext } from "./context.ts";
import { RequiredOption } from "./required-option.ts";

/** `--ceremony`, as every command of a ceremony has it. */
export function ceremonyOption(): RequiredOption {
  return new RequiredOption("--ceremony <file>", "ceremony file (YAML): layout, names, and where keys are");
}

/** What a ceremony runs with: the time is read once, and each step is a line. */
export function ceremonyContext({ env, stdout }: CommandContext): CeremonyContext {
  return {
    env,
    nowMs: Date.now(),
    onStep: (step) => {
      stdout(`${describeStep(step)}\n`);
    },
  };
}

function describeStep(step: CeremonyStep): string {
  switch (step.kind) {
    case "signing":
      return `signing  ${step.file}`;
    case "kept":
      return `${step.kept === "made" ? "made   " : "there  "}  ${step.file}`;
    case "written":
      return `written  ${step.file}`;
  }
}
