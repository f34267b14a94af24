import { create, toBinary } from "@bufbuild/protobuf";
import { MayflyError } from "../../core/errors.ts";
import {
  Health,
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus as Status,
  HealthCheckResponseSchema,
} from "../../gen/grpc/health/v1/health_pb.ts";
import { decodeMessage, nameOf } from "../unary-method.ts";
import type { UnaryMethod } from "../unary-method.ts";

/**
 * grpc.health.v1.Health, as far as it is asked: Check. All services of a process can do their work, or none can.
 *
 * @param services full names of the services that there are; the empty name stands for all of them
 * @param isReady whether a signing call would get its certificate, as far as the process can tell
 */
export function health(services: readonly string[], isReady: () => boolean): UnaryMethod {
  const known = new Set(["", ...services]);
  return {
    name: nameOf(Health.method.check),
    answer: ({ request }) => {
      const { service } = decodeMessage(HealthCheckRequestSchema, request);
      if (!known.has(service)) throw new MayflyError("NO_SUCH_SERVICE", "no service has this name");
      const status = isReady() ? Status.SERVING : Status.NOT_SERVING;
      return toBinary(HealthCheckResponseSchema, create(HealthCheckResponseSchema, { status }));
    },
  };
}
