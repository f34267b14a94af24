import type { RequestListener } from "node:http";
import type { Generation } from "../issuance/generation.ts";
import type { Admission } from "../entrance/admission.ts";
import type { BodyLimits } from "./body.ts";
import type { ExchangeDeps } from "./exchange.ts";
import { makeListener, makeRouter } from "./listener.ts";
import { limitReads, limitSigning } from "./limit-rates.ts";
import type { RateLimiting } from "./limit-rates.ts";
import { answerPreflights, checkRequests, refuseWhenClosed } from "./middleware.ts";
import type { PacingLimits } from "../entrance/refusal-pacing.ts";
import { addRoute } from "./route.ts";
import { makeConfiguration } from "./routes/configuration.ts";
import { health } from "./routes/health.ts";
import type { PublishedLog } from "./routes/log-read.ts";
import { addLogReads } from "./routes/log-reads.ts";
import { makeOpenApi } from "./routes/openapi.ts";
import { makeRootCert } from "./routes/root-cert.ts";
import { makeSigningCert, V1_SIGNING_CALL, V2_SIGNING_CALL } from "./routes/signing-cert.ts";
import { makeTrustBundle } from "./routes/trust-bundle.ts";
import { addTrustFiles } from "./routes/trust-files.ts";
import type { TrustFiles } from "../trust/trust-file-names.ts";
import type { TileLimits } from "./tile-places.ts";

/** What the public listener needs. */
export interface PublicAppDeps extends ExchangeDeps, RateLimiting {
  /** The configuration in force; asked once per request. */
  readonly generation: () => Generation;
  readonly admission: Admission;
  /** The logs that are read here, and where; none when another process serves them. */
  readonly logs?: () => readonly PublishedLog[];
  /** What clients are told to trust; absent where nobody configured that. */
  readonly trustFiles?: (() => TrustFiles) | undefined;
  readonly tileLimits?: TileLimits;
  readonly bodyLimits?: BodyLimits;
  /** From the end of a signing request's body to its answer, milliseconds; 10 s when left out. */
  readonly deadlineMs?: number;
  readonly refusalPacing?: PacingLimits;
}

/** The public API of Fulcio (v1 and v2) and the log's reads, as a listener of Node's HTTP server. */
export function makePublicApp(deps: PublicAppDeps): RequestListener {
  const router = makeRouter();
  router.use(checkRequests);
  router.use(answerPreflights);
  router.use(refuseWhenClosed(deps.admission));
  addRoute(router, "/api/v2/signingCert", { POST: limitSigning(deps, makeSigningCert(deps, V2_SIGNING_CALL)) });
  addRoute(router, "/api/v1/signingCert", { POST: limitSigning(deps, makeSigningCert(deps, V1_SIGNING_CALL)) });
  addRoute(router, "/healthz", { GET: health });
  router.use(limitReads(deps));
  addRoute(router, "/api/v2/trustBundle", { GET: makeTrustBundle(deps.generation) });
  addRoute(router, "/api/v2/configuration", { GET: makeConfiguration(deps.generation) });
  addRoute(router, "/api/v1/rootCert", { GET: makeRootCert(deps.generation) });
  const { logs, trustFiles } = deps;
  addRoute(router, "/openapi.json", {
    GET: makeOpenApi({ trustFiles: trustFiles !== undefined, logs: logs !== undefined }),
  });
  if (trustFiles !== undefined) addTrustFiles(router, trustFiles);
  if (logs !== undefined) addLogReads(router, { ...deps, logs });
  return makeListener(router, deps, deps.refusalPacing);
}
