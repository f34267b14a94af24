import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { arch, platform } from "node:os";
import { resolve } from "node:path";
import process from "node:process";

/** The Node.js that npm brought for this machine: images built here get it. */
export const NODE_BINARY = resolve(`node_modules/node-linux-${arch()}/bin/node`);

/** What builds, mounts and starts; the Debian package that brings it. */
const COMMANDS = { buildah: "buildah", mmdebstrap: "mmdebstrap", setpriv: "util-linux", unshare: "util-linux" };

/** Why this machine can neither build nor start an image; undefined when it can. */
export function whyNoImages(): string | undefined {
  if (platform() !== "linux") return "needs Linux";
  if (process.getuid?.() !== 0) return "needs root, to mount";
  const missing = Object.entries(COMMANDS).filter(([command]) => spawnSync(command, ["--version"]).status !== 0);
  if (missing.length > 0) {
    return `no ${missing.map(([command]) => command).join(", ")}: apt-get install ${missing.map(([, name]) => name).join(" ")}`;
  }
  return existsSync(NODE_BINARY) ? undefined : "npm has brought no Node.js for this machine";
}

/** Runs buildah on an image store of its own in `folder`; gives what it printed, and throws with what it complained of. */
export function buildah(folder: string, args: readonly string[]): string {
  const store = ["--root", `${folder}/store`, "--runroot", `${folder}/run`, "--storage-driver", "vfs"];
  return execFileSync("buildah", [...store, ...args], { encoding: "utf8", stdio: "pipe", maxBuffer: 2 ** 26 }).trim();
}
