import { appendFileSync, cpSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { buildah } from "./container-tools.ts";
import type { BaseImages } from "./base-images.ts";

/** What the image says about how to run it (OCI image-spec, "config", v1.1). */
export interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly WorkingDir: string;
  readonly StopSignal: NodeJS.Signals;
  readonly Volumes: Readonly<Record<string, unknown>>;
  readonly ExposedPorts: Readonly<Record<string, unknown>>;
  readonly Labels: Readonly<Record<string, string>>;
}

/** An image that was built here, unpacked. */
export interface BuiltImage {
  readonly config: ImageConfig;
  /** Folder with its files, as a runtime would mount them. */
  readonly rootfs: string;
  /** What a registry would store and send. */
  readonly packedBytes: number;
}

/** What an installation of packages is built on and with. */
export interface InstallOptions {
  readonly bases: BaseImages;
  readonly npmrc: string;
}

const ROOT = join(import.meta.dirname, "..", "..", "..");
const LEFT_OUT = new Set([".git", "node_modules", "dist", "coverage", ".mayfly"].map((name) => join(ROOT, name)));

const BUILD = ["bud", "--isolation", "chroot", "--pull-never"];
const buildArguments = ({ build, runtime }: BaseImages): readonly string[] => [
  ...["--build-arg", `BUILD_IMAGE=${build}`],
  ...["--build-arg", `RUNTIME_IMAGE=${runtime}`],
];

/**
 * A copy of the repository to build from, in which `secret` lies wherever somebody might have left one.
 *
 * @returns the folder
 */
export function plantSecrets(folder: string, secret: string): string {
  const context = join(folder, "context");
  cpSync(ROOT, context, { recursive: true, filter: (path) => !LEFT_OUT.has(path) });
  const places = [".env", "keys/passphrase", "keys-dev/mine.pem", "config/mayfly.yaml", "dist/left.js", "src/key.pem"];
  for (const place of [...places, "node_modules/left/index.js", "test/token.txt", "tools/node/token.txt"]) {
    mkdirSync(dirname(join(context, place)), { recursive: true });
    writeFileSync(join(context, place), `${secret}\n`);
  }
  appendFileSync(join(context, ".npmrc"), `//registry.example.com/:_authToken=${secret}\n`);
  return context;
}

/**
 * Builds the Dockerfile of `context` on `bases` only as far as the packages that it installs for production.
 *
 * @param npmrc npm's configuration for the build, as the secret `npmrc`
 * @throws Error with what the build complained of
 */
export function installPackages(folder: string, context: string, { bases, npmrc }: InstallOptions): void {
  const file = join(folder, "npmrc");
  writeFileSync(file, npmrc, { mode: 0o600 });
  const secret = ["--secret", `id=npmrc,src=${file}`];
  buildah(folder, [...BUILD, ...buildArguments(bases), ...secret, "--target", "dependencies", context]);
}

/** Builds the Dockerfile of `context` on `bases` and unpacks what came out. Everything it makes lies in `folder`. */
export function buildImage(folder: string, context: string, bases: BaseImages): BuiltImage {
  const name = "localhost/mayfly:test";
  buildah(folder, [...BUILD, ...buildArguments(bases), "--tag", name, context]);
  const { OCIv1 } = JSON.parse(buildah(folder, ["inspect", "--type", "image", name])) as {
    OCIv1: { config: ImageConfig };
  };
  const packed = join(folder, "packed");
  buildah(folder, ["push", "--quiet", name, `oci:${packed}:test`]);
  const blobs = join(packed, "blobs", "sha256");
  const sizes = readdirSync(blobs).map((blob) => statSync(join(blobs, blob)).size);
  const container = buildah(folder, ["from", "--pull-never", name]);
  return {
    config: OCIv1.config,
    rootfs: buildah(folder, ["mount", container]),
    packedBytes: sizes.reduce((sum, size) => sum + size, 0),
  };
}
