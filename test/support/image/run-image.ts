import { spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { followMayfly } from "../mayfly-process.ts";
import type { Exit, MayflyProcess } from "../mayfly-process.ts";
import type { BuiltImage } from "./build-image.ts";

/** A folder of this machine inside the container. */
export interface Mount {
  readonly from: string;
  /** Absolute path in the container. */
  readonly to: string;
  readonly writable: boolean;
}

/** What a user of the image chooses, as with `docker run --read-only`. */
export interface RunOptions {
  readonly mounts: readonly Mount[];
  /** In place of the image's command. */
  readonly command?: readonly string[];
  /** In place of the image's entry point. */
  readonly entrypoint?: readonly string[];
}

/**
 * What a container runtime does, with the kernel's own means, because runtimes want control groups that a test machine may
 * not have: own mounts and process ids, read-only root, no capabilities, no new privileges. The network is the machine's.
 */
const SCRIPT = `
set -eu
root=$1 directory=$2 user=$3 group=$4; shift 4
mount --bind "$root" "$root"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t tmpfs -o nosuid,noexec,size=64k,mode=755 tmpfs "$root/dev"
for node in null zero full random urandom; do
  : >"$root/dev/$node"
  mount --bind "/dev/$node" "$root/dev/$node"
done
while [ "$1" != -- ]; do
  mount --bind "$2" "$root$3"
  [ "$1" = rw ] || mount -o remount,bind,ro "$root$3"
  shift 3
done
shift
mount -o remount,bind,ro "$root"
exec setpriv --no-new-privs --bounding-set=-all,+sys_chroot,+setgid,+setuid --inh-caps=-all \\
  unshare --root="$root" --wd="$directory" --setgid="$group" --setuid="$user" -- "$@"
`;

/** Starts the image; whoever does waits for its end. Signals reach its first process, as those of a runtime do. */
export function startImage({ config, rootfs }: BuiltImage, options: RunOptions): MayflyProcess {
  const [user = "", group = ""] = config.User.split(":");
  for (const { to } of options.mounts) mkdirSync(join(rootfs, to), { recursive: true });
  const mounts = options.mounts.flatMap(({ from, to, writable }) => [writable ? "rw" : "ro", from, to]);
  const command = [...(options.entrypoint ?? config.Entrypoint), ...(options.command ?? config.Cmd)];
  const child = spawn(
    "unshare",
    [
      "--mount",
      "--pid",
      "--ipc",
      "--fork",
      "--kill-child",
      "--propagation",
      "private",
      "--",
      "sh",
      "-c",
      SCRIPT,
      "sh",
    ].concat([rootfs, config.WorkingDir, user, group, ...mounts, "--"], command),
    { stdio: ["ignore", "pipe", "pipe"], env: environmentOf(config.Env) },
  );
  return followMayfly(child, (name) => {
    const first = firstChildOf(child.pid);
    return first !== undefined && process.kill(first, name);
  });
}

/** Runs the image to its end. */
export async function runImage(image: BuiltImage, options: RunOptions): Promise<Exit> {
  return startImage(image, options).exited;
}

const environmentOf = (variables: readonly string[]): Record<string, string> =>
  Object.fromEntries(variables.map((text) => [text.slice(0, text.indexOf("=")), text.slice(text.indexOf("=") + 1)]));

function firstChildOf(pid: number | undefined): number | undefined {
  try {
    const children = readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, "utf8");
    return children === "" ? undefined : Number(children.trim().split(" ")[0]);
  } catch {
    // It has ended.
    return undefined;
  }
}
