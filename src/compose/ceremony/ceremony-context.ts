import type { Environment } from "../read-secret.ts";
import type { Kept } from "./keep-file.ts";

/** What a ceremony has done, or is about to do. */
export type CeremonyStep =
  | { readonly kind: "signing"; readonly file: string }
  | { readonly kind: "kept"; readonly file: string; readonly kept: Kept }
  | { readonly kind: "written"; readonly file: string };

/** What a ceremony runs with. */
export interface CeremonyContext {
  readonly env: Environment;
  readonly nowMs: number;
  readonly onStep: (step: CeremonyStep) => void;
}
