import { execFileSync } from "node:child_process";
import { hash } from "node:crypto";
import { copyFileSync, cpSync, existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { buildah, NODE_BINARY } from "./container-tools.ts";
import { dockerfileArgument } from "./dockerfile.ts";

/** Names of the images that the Dockerfile builds on. */
export interface BaseImages {
  readonly build: string;
  readonly runtime: string;
}

const CACHE = resolve("node_modules/.cache/mayfly");

/** The images that the Dockerfile names, pulled; undefined where their registries cannot be reached. */
export function pullPublishedBases(folder: string): BaseImages | undefined {
  const bases = { build: dockerfileArgument("BUILD_IMAGE"), runtime: dockerfileArgument("RUNTIME_IMAGE") };
  try {
    for (const name of Object.values(bases)) buildah(folder, ["pull", "--quiet", name]);
    return bases;
  } catch {
    return undefined;
  }
}

/**
 * Images like those that the Dockerfile names, for machines without their registries: Debian's packages of the same
 * release, this project's Node.js and the npm that runs the tests. As in the published one, the runtime image has no
 * shell and no package manager.
 */
export function makeBases(folder: string): BaseImages {
  const context = join(folder, "bases");
  mkdirSync(context);
  const rootfs = (name: string, variant: string, packages: string): void => {
    copyFileSync(debian(["--variant", variant, "--include", packages]), join(context, name));
  };
  rootfs("build", "essential", "libstdc++6,ca-certificates,python3,make,g++");
  rootfs("runtime", "extract", "base-files,libc6,libstdc++6,libgcc-s1,tzdata");
  copyFileSync(NODE_BINARY, join(context, "node"));
  cpSync(resolve(NODE_BINARY, "../../include"), join(context, "include"), { recursive: true });
  cpSync(npmFolder(), join(context, "npm"), { recursive: true });
  // The registry of packages may be one that only this machine's authorities vouch for.
  const authorities = ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"]
    .flatMap((name) => process.env[name] ?? [])
    .find(existsSync);
  if (authorities !== undefined) copyFileSync(authorities, join(context, "authorities.pem"));
  const trust =
    authorities === undefined
      ? ""
      : "COPY authorities.pem /\nENV NODE_EXTRA_CA_CERTS=/authorities.pem npm_config_cafile=/authorities.pem\n";
  writeFileSync(
    join(context, "Build"),
    `FROM scratch
ADD build /
COPY node /usr/local/bin/node
COPY include /usr/local/include
COPY npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
${trust}`,
  );
  writeFileSync(join(context, "Runtime"), "FROM scratch\nADD runtime /\n");
  const build = (tag: string, file: string): string => {
    buildah(folder, ["bud", "--quiet", "--isolation", "chroot", "--tag", tag, "--file", join(context, file), context]);
    return tag;
  };
  return {
    build: build("localhost/mayfly-build:test", "Build"),
    runtime: build("localhost/mayfly-runtime:test", "Runtime"),
  };
}

/** A root file system of Debian's packages, from the project's cache if it was made before in the same way. */
function debian(choice: readonly string[]): string {
  const recipe = [
    ...["--quiet", "--mode=root", "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*"],
    ...[...choice, "bookworm"],
  ];
  const name = `debian-${hash("sha256", recipe.join(" ")).slice(0, 16)}.tar`;
  const path = join(CACHE, name);
  if (existsSync(path)) return path;
  mkdirSync(CACHE, { recursive: true });
  const fresh = join(CACHE, `${process.pid}-${name}`);
  execFileSync("mmdebstrap", [...recipe, fresh], { stdio: "pipe" });
  renameSync(fresh, path);
  return path;
}

/** The npm that runs the tests says where it is to what it starts. */
function npmFolder(): string {
  const program = process.env["npm_execpath"];
  if (program === undefined) throw new TypeError("start the suite with npm: npm run test:image");
  return resolve(program, "..", "..");
}
