import { FRESH_JSON } from "../headers.ts";
import type { Handler } from "../route.ts";

/** grpc.health.v1.HealthCheckResponse: true as long as the process can say it; what it depends on is readiness. */
const SERVING = { status: 200, headers: FRESH_JSON, body: '{"status":"SERVING"}\n' };

/** GET /healthz: whether the process is alive. */
export const health: Handler = () => SERVING;
