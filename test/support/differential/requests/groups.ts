import type { DifferentialRequest } from "../request.ts";
import { BODIES, REFUSED_VECTORS } from "./bodies.ts";
import { KEYS_AND_PROOFS, PLACES } from "./granted.ts";
import { GRPC_CALLS } from "./grpc.ts";
import { HEADER_FIELDS, READS, ROUTES, VERSION_ONE } from "./http.ts";
import { JOBS, PEOPLE } from "./identities.ts";
import { CERTIFICATION_REQUESTS, KEYS, PROOFS } from "./refused-material.ts";
import { CLAIMS, STRUCTURE } from "./tokens.ts";

/** Requests about one thing. */
export interface RequestGroup {
  readonly name: string;
  readonly requests: readonly DifferentialRequest[];
  /** Whether Fulcio's answers to them are kept in `test/vectors/fulcio`, for tests without Fulcio. */
  readonly recorded: boolean;
}

/** Every request that Fulcio and Mayfly are compared by. */
export const GROUPS: readonly RequestGroup[] = [
  { name: "forms of keys and proofs", requests: KEYS_AND_PROOFS, recorded: true },
  { name: "places of token and key", requests: PLACES, recorded: true },
  { name: "structure of tokens", requests: STRUCTURE, recorded: true },
  { name: "claims of any token", requests: CLAIMS, recorded: true },
  { name: "claims of people", requests: PEOPLE, recorded: true },
  { name: "claims of jobs", requests: JOBS, recorded: true },
  { name: "bodies", requests: BODIES, recorded: true },
  { name: "bodies of the catalogue", requests: REFUSED_VECTORS, recorded: false },
  { name: "header fields", requests: HEADER_FIELDS, recorded: true },
  { name: "paths and methods", requests: ROUTES, recorded: true },
  { name: "reads", requests: READS, recorded: true },
  { name: "version 1", requests: VERSION_ONE, recorded: true },
  { name: "calls over gRPC", requests: GRPC_CALLS, recorded: true },
  { name: "keys that are refused", requests: KEYS, recorded: false },
  { name: "certification requests that are refused", requests: CERTIFICATION_REQUESTS, recorded: false },
  { name: "proofs that are refused", requests: PROOFS, recorded: false },
];
