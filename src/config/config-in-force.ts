import { isDeepStrictEqual } from "node:util";
import type { Config } from "./schema.ts";

/**
 * What of a configuration that is read again holds in a service which was started with another one: whom to trust for
 * what, which keys callers may have, rates and stages, the pause, the issuing CAs, and the log's shards. The rest is that of the start.
 */
export function configInForce(started: Config, wanted: Config): Config {
  const { ca, issuers, clientKeys, issuance } = wanted;
  const { rates, stages } = wanted.limits;
  return Object.freeze({
    ...started,
    ca,
    issuers,
    clientKeys,
    issuance,
    limits: Object.freeze({ ...started.limits, rates, stages }),
    log: Object.freeze({ ...started.log, shards: wanted.log.shards }),
  });
}

/**
 * Names the settings that wait for the next start, because they do not hold in a running service.
 *
 * @param inForce what {@link configInForce} made of `wanted`
 * @returns names such as `shutdown.drainSeconds`, in the order of the configuration
 */
export function waitingSettings(wanted: Config, inForce: Config): readonly string[] {
  return membersOfEither(wanted, inForce).flatMap((name) => {
    const [then, now] = [memberOf(wanted, name), memberOf(inForce, name)];
    if (isDeepStrictEqual(then, now)) return [];
    if (!isMapping(then) || !isMapping(now)) return [name];
    return membersOfEither(then, now)
      .filter((member) => !isDeepStrictEqual(memberOf(then, member), memberOf(now, member)))
      .map((member) => `${name}.${member}`);
  });
}

const membersOfEither = (one: object, other: object): readonly string[] => [
  ...new Set([...Object.keys(one), ...Object.keys(other)]),
];

const memberOf = (value: object, name: string): unknown => Object.getOwnPropertyDescriptor(value, name)?.value;

const isMapping = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);
