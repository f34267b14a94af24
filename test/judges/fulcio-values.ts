import type { FulcioExtensions } from "../../src/core/identity/principal.ts";

/**
 * Which value stands under which last arc of 1.3.6.1.4.1.57264.1, ascending (Fulcio's oid-info.md);
 * written out here so that judges and cases do not borrow it from what is judged.
 */
export const FULCIO_VALUES: readonly (readonly [number, keyof FulcioExtensions])[] = [
  [1, "issuer"],
  [2, "githubWorkflowTrigger"],
  [3, "githubWorkflowSha"],
  [4, "githubWorkflowName"],
  [5, "githubWorkflowRepository"],
  [6, "githubWorkflowRef"],
  [8, "issuer"],
  [9, "buildSignerUri"],
  [10, "buildSignerDigest"],
  [11, "runnerEnvironment"],
  [12, "sourceRepositoryUri"],
  [13, "sourceRepositoryDigest"],
  [14, "sourceRepositoryRef"],
  [15, "sourceRepositoryIdentifier"],
  [16, "sourceRepositoryOwnerUri"],
  [17, "sourceRepositoryOwnerIdentifier"],
  [18, "buildConfigUri"],
  [19, "buildConfigDigest"],
  [20, "buildTrigger"],
  [21, "runInvocationUri"],
  [22, "sourceRepositoryVisibilityAtSigning"],
  [23, "deploymentEnvironment"],
  [24, "tokenSubject"],
];
