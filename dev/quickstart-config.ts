import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseDocument } from "yaml";
import type { Document } from "yaml";
import { freePort } from "./free-port.ts";

/** Where everything of a quickstart is. */
export interface QuickstartPlan {
  readonly configFile: string;
  readonly dataDirectory: string;
  readonly mayflyUrl: string;
  readonly operationsUrl: string;
  readonly issuerPort: number;
  /** PEM file of the CA chain. */
  readonly chainFile: string;
  /** The log's encrypted key file; its public key stands in it in clear. */
  readonly logKeyFile: string;
  readonly logOrigin: string;
}

const DEVELOPMENT_CONFIG = join(import.meta.dirname, "..", "config", "mayfly.dev.yaml");

/** Settings that name files, relative to the configuration's own folder. */
const PATHS = [
  ["dataDirectory"],
  ["ca", "chain"],
  ["ca", "signer", "path"],
  ["ca", "signer", "passphrase", "file"],
  ["log", "signer", "path"],
  ["log", "signer", "passphrase", "file"],
  ["log", "checkpointSigner", "path"],
  ["log", "checkpointSigner", "passphrase", "file"],
];

/** Derives a configuration from the development one, on ports that are free, and writes it into the data folder. */
export async function planQuickstart(): Promise<QuickstartPlan> {
  const document = parseDocument(readFileSync(DEVELOPMENT_CONFIG, "utf8"));
  for (const path of PATHS) document.setIn(path, resolve(dirname(DEVELOPMENT_CONFIG), text(document, path)));
  const http = await freePort(portOf(text(document, ["http", "listen"])));
  const operations = await freePort(portOf(text(document, ["operations", "listen"])));
  const issuerPort = await freePort(portOf(text(document, ["issuers", 0, "url"])));
  document.setIn(["http", "listen"], `127.0.0.1:${String(http)}`);
  document.setIn(["operations", "listen"], `127.0.0.1:${String(operations)}`);
  for (const issuer of [0, 1]) {
    const url = text(document, ["issuers", issuer, "url"]);
    document.setIn(["issuers", issuer, "url"], url.replace(/:\d+/u, `:${String(issuerPort)}`));
  }
  const dataDirectory = text(document, ["dataDirectory"]);
  mkdirSync(dataDirectory, { recursive: true });
  const configFile = join(dataDirectory, "quickstart.yaml");
  writeFileSync(configFile, document.toString());
  return {
    configFile,
    dataDirectory,
    mayflyUrl: `http://127.0.0.1:${String(http)}`,
    operationsUrl: `http://127.0.0.1:${String(operations)}`,
    issuerPort,
    chainFile: text(document, ["ca", "chain"]),
    logKeyFile: text(document, ["log", "signer", "path"]),
    logOrigin: text(document, ["log", "origin"]),
  };
}

function text(document: Document, path: readonly (string | number)[]): string {
  const value = document.getIn(path);
  if (typeof value !== "string") throw new TypeError(`${DEVELOPMENT_CONFIG} has no ${path.join(".")}`);
  return value;
}

function portOf(address: string): number {
  return Number(/:(?<port>\d+)/u.exec(address)?.groups?.["port"]);
}
