/*
 * Loaded before a program of Node's (`--import`): each connection to a host by its name leads to TEST_INTERNET_PORT of
 * 127.0.0.1. Whom the program means to talk to, and so which name its TLS asks for and compares, stays as it is.
 */
import { isIP, Socket } from "node:net";
import process from "node:process";

const port = Number(process.env["TEST_INTERNET_PORT"]);

/** How `node:tls` and `node:http` call it; other calls have no object in front. */
type Connect = (this: Socket, ...args: readonly unknown[]) => unknown;

const connect = Reflect.get(Socket.prototype, "connect") as Connect;

const isByName = (options: unknown): options is { readonly host: string } =>
  typeof options === "object" &&
  options !== null &&
  "host" in options &&
  typeof options.host === "string" &&
  options.host !== "localhost" &&
  isIP(options.host) === 0;

function connectNearby(this: Socket, ...[options, ...rest]: readonly unknown[]): unknown {
  const nearby = isByName(options) ? { ...options, host: "127.0.0.1", port } : options;
  return connect.call(this, nearby, ...rest);
}

Object.defineProperty(Socket.prototype, "connect", { value: connectNearby, writable: true, configurable: true });
