import type { RequestListener } from "node:http";
import type { ExchangeDeps } from "./exchange.ts";
import { FRESH_JSON, metricsFields } from "./headers.ts";
import { makeListener, makeRouter } from "./listener.ts";
import { checkRequests } from "./middleware.ts";
import { addRoute } from "./route.ts";
import type { Handler } from "./route.ts";
import { health } from "./routes/health.ts";

/** Whether the process can do its work, and each check that the answer rests on. */
export interface Readiness {
  readonly ok: boolean;
  /** Paused by the operator, a process is still ready: everything but signing is served. */
  readonly issuance: "running" | "paused";
  /** What requests are judged by; `lastFailure` is why what was read last is refused, which is no reason to be unready. */
  readonly configuration: { readonly generation: number; readonly digest: string; readonly lastFailure?: string };
  /** Name of the log's active shard. */
  readonly shard: string;
  /** `detail` is what is wrong; beside `ok` it is something that has not lasted yet. */
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly detail?: string }[];
}

/** What the operations listener needs. */
export interface OperationsAppDeps extends Pick<ExchangeDeps, "clock" | "requestId"> {
  readonly readiness: () => Readiness | Promise<Readiness>;
  /** All metrics in a Prometheus exposition format, and the name of that format. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly body: string }>;
}

/** What operators and orchestrators ask; never reachable from where callers are. Probes are not recorded. */
export function makeOperationsApp(deps: OperationsAppDeps): RequestListener {
  const router = makeRouter();
  router.use(checkRequests);
  addRoute(router, "/metrics", { GET: makeMetrics(deps) });
  addRoute(router, "/healthz", { GET: health, HEAD: health });
  addRoute(router, "/livez", { GET: health, HEAD: health });
  const ready = makeReady(deps);
  addRoute(router, "/readyz", { GET: ready, HEAD: ready });
  return makeListener(router, { ...deps, telemetry: { request: () => undefined } });
}

function makeMetrics({ metrics }: OperationsAppDeps): Handler {
  return async () => {
    const { contentType, body } = await metrics();
    return { status: 200, headers: metricsFields(contentType), body };
  };
}

/** 200 when work may be sent here, 503 when not; whether the process lives is another question. */
function makeReady({ readiness }: OperationsAppDeps): Handler {
  return async () => {
    const state = await readiness();
    return { status: state.ok ? 200 : 503, headers: FRESH_JSON, body: `${JSON.stringify(state)}\n` };
  };
}
