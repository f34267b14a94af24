import { signCheckpoint as sign } from "../../../../src/tlog/sign-checkpoint.ts";
import { crashAt } from "../crash-point.ts";

export * from "../../../../src/tlog/sign-checkpoint.ts";

/** Ends the process before or after a committed head is signed. */
export const signCheckpoint: typeof sign = async (tree, signers) => {
  crashAt("before-sign");
  const checkpoint = await sign(tree, signers);
  crashAt("after-sign");
  return checkpoint;
};
