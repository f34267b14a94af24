import { describe, expect, it } from "@jest/globals";
import { isOnHttpPort } from "../../src/config/grpc-rules.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import { unsafeOptions } from "../../src/config/rules.ts";
import { MEMORY_CONFIG } from "../support/memory-config.ts";

const HTTP = MEMORY_CONFIG.match(/^http:.*$/mu)?.[0] ?? "";

/** A configuration in development with these lines for http and grpc. */
const parse = (grpc: string, http = 'http: { listen: "127.0.0.1:5555" }') =>
  parseConfig(MEMORY_CONFIG.replace(HTTP, http) + `grpc: ${grpc}\n`, "/etc/mayfly/mayfly.yaml");

const TLS = "tls: { certificate: a.crt, key: a.key }";
const HTTPS = `http: { listen: "0.0.0.0:5555", ${TLS} }`;

describe("the settings of gRPC", () => {
  it("have defaults, and are absent when left out", () => {
    expect(parse('{ listen: "127.0.0.1:5554" }').grpc).toEqual({
      listen: { host: "127.0.0.1", port: 5554 },
      allowPlaintextOffLoopback: false,
      reflection: true,
      connectionIdleSeconds: 75,
      connectionAgeSeconds: 600,
    });
    expect(parseConfig(MEMORY_CONFIG, "/etc/mayfly/mayfly.yaml").grpc).toBeUndefined();
  });

  it("have files that are found from the folder of the configuration, and are frozen", () => {
    const { grpc } = parse(`{ listen: "0.0.0.0:5554", ${TLS} }`);
    expect(grpc?.tls).toEqual({ certificate: "/etc/mayfly/a.crt", key: "/etc/mayfly/a.key" });
    expect([Object.isFrozen(grpc), Object.isFrozen(grpc?.tls)]).toEqual([true, true]);
  });

  it.each([
    ['{ listen: "127.0.0.1:5555" }', true],
    ['{ listen: "127.0.0.1:5554" }', false],
    ['{ listen: "127.0.0.2:5555" }', false],
  ])("say by one address that there is one port: %s", (grpc, expected) => {
    expect(isOnHttpPort(parse(grpc))).toBe(expected);
  });

  it.each([
    ['{ listen: "0.0.0.0:5554", allowPlaintextOffLoopback: true }', undefined, ["grpc-plaintext-off-loopback"]],
    ['{ listen: "0.0.0.0:5554" }', HTTPS, []],
    ['{ listen: "127.0.0.1:5554" }', undefined, []],
  ] as const)("are named when they give safety away: %s", (grpc, http, expected) => {
    expect(unsafeOptions(parse(grpc, http)).filter((name) => name.startsWith("grpc"))).toEqual(expected);
  });

  const refused: readonly { grpc: string; http?: string; says: string }[] = [
    { grpc: '{ listen: "0.0.0.0:5554" }', says: "grpc.listen: HTTP/2 in clear off loopback; write grpc.tls" },
    {
      grpc: '{ listen: "0.0.0.0:0", allowPlaintextOffLoopback: true }',
      says: "grpc.listen: port 0 stands for any port",
    },
    { grpc: '{ listen: "127.0.0.1:2112" }', says: "grpc.listen: the same address as operations.listen" },
    {
      grpc: `{ listen: "127.0.0.1:5555", ${TLS} }`,
      says: "grpc.tls: gRPC answers on http.listen, where http.tls decides",
    },
    {
      grpc: '{ listen: "127.0.0.1:5555", allowPlaintextOffLoopback: true }',
      says: "grpc.allowPlaintextOffLoopback: gRPC answers on http.listen",
    },
    {
      grpc: `{ listen: "0.0.0.0:5554", ${TLS}, allowPlaintextOffLoopback: true }`,
      says: "grpc.allowPlaintextOffLoopback: contradicts grpc.tls or http.tls",
    },
    {
      grpc: '{ listen: "0.0.0.0:5554", allowPlaintextOffLoopback: true }',
      http: HTTPS,
      says: "grpc.allowPlaintextOffLoopback: contradicts grpc.tls or http.tls",
    },
    { grpc: "{}", says: "grpc.listen: " },
    { grpc: '{ listen: "127.0.0.1:5554", port: 1 }', says: "grpc.port: unknown setting" },
    { grpc: '{ listen: "127.0.0.1:99999" }', says: "grpc.listen: a port is at most 65535" },
    { grpc: '{ listen: "127.0.0.1:5554", connectionAgeSeconds: 1 }', says: "grpc.connectionAgeSeconds: " },
    { grpc: '{ listen: "127.0.0.1:5554", tls: { certificate: a.crt } }', says: "grpc.tls.key: " },
  ];
  it.each(refused)("are refused: $says", ({ grpc, http, says }) => {
    const text = MEMORY_CONFIG.replace(/^operations:.*$/mu, 'operations: { listen: "127.0.0.1:2112" }');
    const whole = text.replace(HTTP, http ?? 'http: { listen: "127.0.0.1:5555" }') + `grpc: ${grpc}\n`;
    expect(() => parseConfig(whole, "mayfly.yaml")).toThrow(says);
  });
});
