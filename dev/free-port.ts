import { once } from "node:events";
import { createServer } from "node:net";

/** The wanted loopback port if nothing listens there, else the nearest free one above it. */
export async function freePort(wanted: number): Promise<number> {
  for (let port = wanted; port < wanted + 200; port++) {
    if (await isFree(port)) return port;
  }
  throw new RangeError(`no free port from ${String(wanted)} on`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  server.listen({ port, host: "127.0.0.1", exclusive: true });
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
