import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { readPage } from "./page.ts";

/** A web server of TUF repositories, each made as docs/trust.md says. */
export interface TufRepositories {
  /**
   * Makes the repository of what is in a folder, and puts the first root beside it, as `1.root.json`.
   *
   * @returns its URL
   */
  readonly add: (trustFolder: string) => string;
  readonly close: () => void;
}

const PROGRAM = "tuf_repository.py";

/**
 * Serves repositories from `folder`, on a free port of loopback.
 *
 * @param python an interpreter with python-tuf
 */
export async function serveTufRepositories(folder: string, python: string): Promise<TufRepositories> {
  mkdirSync(folder);
  const script = join(folder, PROGRAM);
  writeFileSync(script, readPage("docs/trust.md").files.get(PROGRAM) ?? "");
  const server = createServer((request, response) => {
    try {
      response.end(readFileSync(join(folder, new URL(request.url ?? "/", "http://tuf.test").pathname)));
    } catch {
      response.writeHead(404).end();
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  let made = 0;
  return {
    add: (trustFolder) => {
      made += 1;
      const home = join(folder, String(made));
      const source = join(home, "trust");
      mkdirSync(source, { recursive: true });
      copyFileSync(join(trustFolder, "trusted_root.json"), join(source, "trusted_root.json"));
      copyFileSync(join(trustFolder, "signing_config.json"), join(source, "signing_config.v0.2.json"));
      execFileSync(python, [script, source, join(home, "repository"), join(home, "keys")], { stdio: "pipe" });
      copyFileSync(join(home, "repository", "1.root.json"), join(trustFolder, "1.root.json"));
      return `${url}/${String(made)}/repository`;
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
