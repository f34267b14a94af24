import { mkdtempSync, rmSync } from "node:fs";
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { makeTestTlsPair } from "../support/tls-pair.ts";

/** Hosts of somebody else's by their own names. */
export interface FakeHosts {
  close(): Promise<void>;
}

const HOSTS = ["login.microsoftonline.com", "*.vault.azure.net", "*.managedhsm.azure.net"];

/**
 * Answers for hosts of Azure over TLS, to this process only: it is made to trust their certificate, and finds them through
 * `HTTPS_PROXY`, as a process does that has no other way out. Nothing leaves this machine.
 */
export async function startFakeAzureHosts(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<FakeHosts> {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-azure-"));
  const { certificate, key } = makeTestTlsPair(
    folder,
    "azure",
    HOSTS.map((host) => `DNS:${host}`),
  );
  rmSync(folder, { recursive: true, force: true });
  const before = { trusted: getCACertificates("default"), proxy: process.env["HTTPS_PROXY"] };
  setDefaultCACertificates([...before.trusted, certificate]);

  const server = createHttpsServer({ key, cert: certificate }, answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const proxy = createHttpServer((_, response) => response.writeHead(403).end());
  const sockets = new Set<{ destroy(): void }>();
  proxy.on("connect", (request, client) => {
    const host = (request.url ?? "").replace(/:443$/u, "");
    if (!HOSTS.some((known) => host === known || host.endsWith(known.replace("*", "")))) {
      client.end("HTTP/1.1 403 Forbidden\r\n\r\n");
      return;
    }
    const upstream = connect(port, "127.0.0.1", () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      upstream.pipe(client);
      client.pipe(upstream);
    });
    for (const socket of [upstream, client]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        upstream.destroy();
        client.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  process.env["HTTPS_PROXY"] = `http://127.0.0.1:${String((proxy.address() as AddressInfo).port)}`;
  return {
    close: async () => {
      if (before.proxy === undefined) delete process.env["HTTPS_PROXY"];
      else process.env["HTTPS_PROXY"] = before.proxy;
      setDefaultCACertificates(before.trusted);
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      proxy.closeAllConnections();
      await Promise.all([server, proxy].map((one) => new Promise((resolve) => one.close(resolve))));
    },
  };
}
