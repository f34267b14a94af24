import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { goToolPath, type GoTool } from "../go-tool.ts";

/** A program that serves HTTP on a port of 127.0.0.1. */
export interface RunningTool {
  readonly url: string;
  /** Ends it and waits for its end. */
  close(): Promise<void>;
}

/** Starts a program whose first line says where it listens, and waits for that line. */
export async function startGoTool(tool: GoTool, args: readonly string[]): Promise<RunningTool> {
  const child = spawn(goToolPath(tool), args, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4_000)));
  const ended = new Promise<void>((done) => {
    child.once("close", () => {
      done();
    });
  });
  const address = await new Promise<string>((started, failed) => {
    createInterface({ input: child.stdout }).once("line", started);
    child.once("error", failed);
    void ended.then(() => {
      failed(new Error(`${tool.name} ended: ${said}`));
    });
  });
  return {
    url: `http://${address}`,
    close: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}
