import { z } from "zod";

const HOST_AND_PORT = /^(?<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(?<port>[0-9]{1,5})$/u;

/** `host:port` to listen on, an IPv6 address in brackets. */
export const listenSchema = z
  .string()
  .regex(HOST_AND_PORT, "expected host:port, for example 127.0.0.1:5555 or [::1]:5555")
  .transform((text, context) => {
    const groups = HOST_AND_PORT.exec(text)?.groups ?? {};
    const port = Number(groups["port"]);
    if (port > 65_535) {
      context.addIssue({ code: "custom", message: "a port is at most 65535" });
      return z.NEVER;
    }
    return { host: (groups["host"] ?? "").replaceAll(/[[\]]/gu, ""), port };
  })
  .readonly();

/** Where something listens. */
export type ListenAddress = z.output<typeof listenSchema>;

/** Whether two listeners would have one address. */
export function isSameAddress(one: ListenAddress, other: ListenAddress): boolean {
  return one.host === other.host && one.port === other.port;
}
