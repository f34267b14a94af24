import { isLoopback } from "./loopback.ts";
import { isSameAddress } from "./listen-schema.ts";
import type { ConfigProblem, Rule } from "./rule.ts";
import type { Config } from "./schema.ts";

const problem = (setting: string, message: string): readonly ConfigProblem[] => [{ path: ["grpc", setting], message }];

/** Whether gRPC answers where HTTP does. */
export function isOnHttpPort({ http, grpc }: Pick<Config, "grpc" | "http">): boolean {
  return grpc !== undefined && isSameAddress(grpc.listen, http.listen);
}

/** Whether calls travel in clear where others could read them. */
export function isPlaintextOffLoopback({ http, grpc }: Pick<Config, "grpc" | "http">): boolean {
  if (grpc === undefined || isSameAddress(grpc.listen, http.listen)) return false;
  return (grpc.tls ?? http.tls) === undefined && !isLoopback(grpc.listen.host);
}

const oneListener: Rule = ({ grpc, operations }) =>
  grpc !== undefined && grpc.listen.port !== 0 && isSameAddress(grpc.listen, operations.listen)
    ? problem("listen", "the same address as operations.listen")
    : [];

const portToBeFound: Rule = ({ grpc }) =>
  grpc?.listen.port === 0 && !isLoopback(grpc.listen.host)
    ? problem("listen", "port 0 stands for any port that is free, which only callers on loopback can be told")
    : [];

/** On the port of HTTP nothing can be decided for gRPC alone. */
const onePort: Rule = (config) => {
  const { grpc } = config;
  if (grpc === undefined || !isOnHttpPort(config)) return [];
  if (grpc.tls !== undefined) return problem("tls", "gRPC answers on http.listen, where http.tls decides");
  return grpc.allowPlaintextOffLoopback
    ? problem("allowPlaintextOffLoopback", "gRPC answers on http.listen, where http.allowPlainHttpOffLoopback decides")
    : [];
};

const plaintext: Rule = (config) => {
  const { http, grpc } = config;
  if (grpc === undefined || isOnHttpPort(config)) return [];
  if ((grpc.tls ?? http.tls) !== undefined) {
    return grpc.allowPlaintextOffLoopback
      ? problem("allowPlaintextOffLoopback", "contradicts grpc.tls or http.tls, with which nothing is in clear")
      : [];
  }
  if (!isPlaintextOffLoopback(config) || grpc.allowPlaintextOffLoopback) return [];
  const message =
    "HTTP/2 in clear off loopback; write grpc.tls: { certificate: FILE, key: FILE }, or, where TLS ends in front of " +
    "Mayfly, grpc.allowPlaintextOffLoopback: true";
  return problem("listen", message);
};

/** Rules on the settings of gRPC. */
export const GRPC_RULES: readonly Rule[] = [oneListener, portToBeFound, onePort, plaintext];
