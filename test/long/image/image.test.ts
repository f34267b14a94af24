import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { fetch } from "undici";
import { leafOf, signFile } from "../../../dev/sign-file.ts";
import { verifyBundle, verifyChain } from "../../../dev/verify-bundle.ts";
import { verifyLogProof } from "../../../dev/verify-log-proof.ts";
import type { LogProof } from "../../../dev/verify-log-proof.ts";
import { recordEvidence, recordVersion } from "../../support/evidence.ts";
import { startHttpsIssuer } from "../../support/https-issuer.ts";
import type { HttpsIssuer } from "../../support/https-issuer.ts";
import type { BaseImages } from "../../support/image/base-images.ts";
import { makeBases, pullPublishedBases } from "../../support/image/base-images.ts";
import { buildImage, installPackages, plantSecrets } from "../../support/image/build-image.ts";
import type { BuiltImage } from "../../support/image/build-image.ts";
import { buildah, whyNoImages } from "../../support/image/container-tools.ts";
import { runImage, startImage } from "../../support/image/run-image.ts";
import type { Mount } from "../../support/image/run-image.ts";
import { itWhen } from "../../support/it-when.ts";
import type { Exit, MayflyProcess } from "../../support/mayfly-process.ts";
import { publicKeyIn } from "../../support/operator-keys.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const USER = 65532;
const ORIGIN = "ca.example.com/log";
const SECRET = `planted ${"never to be shipped ".repeat(2)}`;
const PACKED_LIMIT_MB = 80;
const NODE = "/usr/local/bin/node";

const folder = mkdtempSync(join(tmpdir(), "mayfly-image-"));
const keys = join(folder, "keys");
const data = join(folder, "data");
const lacking = whyNoImages();
const published = lacking === undefined ? pullPublishedBases(folder) : undefined;
const describeImage = lacking === undefined ? describe : describe.skip;
const why = lacking === undefined ? "" : ` (skipped: ${lacking})`;
const [itPublished, unpublished] = itWhen(published !== undefined, "their registries cannot be reached from here");

const CONFIG: Mount = { from: keys, to: "/etc/mayfly", writable: false };
const DATA: Mount = { from: data, to: "/data", writable: true };

interface LockedPackage {
  readonly dev?: boolean;
  readonly link?: boolean;
}

/** Paths of the packages that the lockfile lists for production, without the workspaces. */
function productionPackages(): readonly string[] {
  const text = readFileSync(join(ROOT, "package-lock.json"), "utf8");
  const { packages } = JSON.parse(text) as { packages: Record<string, LockedPackage> };
  return Object.entries(packages)
    .filter(([path, { dev, link }]) => path.startsWith("node_modules/") && dev !== true && link !== true)
    .map(([path]) => path)
    .filter((path) => !path.startsWith("node_modules/node-linux-"))
    .sort();
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

describeImage(`the container image${why}`, () => {
  let bases: BaseImages;
  let context: string;
  let image: BuiltImage;
  let issuer: HttpsIssuer;
  /** Paths of everything in the image, from its root. */
  let paths: readonly string[];
  const stat = (path: string): ReturnType<typeof lstatSync> => lstatSync(join(image.rootfs, path));
  const files = (): readonly string[] => paths.filter((path) => stat(path)?.isFile());

  beforeAll(async () => {
    bases = published ?? makeBases(folder);
    context = plantSecrets(folder, SECRET);
    image = buildImage(folder, context, bases);
    paths = readdirSync(image.rootfs, { recursive: true, encoding: "utf8" });
    for (const path of [keys, data]) {
      mkdirSync(path, { mode: 0o700 });
      chownSync(path, USER, USER);
    }
    issuer = await startHttpsIssuer(folder);
    recordVersion("buildah", buildah(folder, ["--version"]).split(" ")[2] ?? "");
    recordEvidence(
      published === undefined
        ? "base images: made here of Debian 12 packages and this project's Node.js, as no registry of images can be reached"
        : `base images: ${Object.values(published).join(", ")}`,
    );
    recordEvidence(
      "started with own mounts and process ids, a read-only root, no capabilities and no new privileges (unshare, setpriv)",
    );
  });

  afterAll(async () => {
    await issuer.close();
    buildah(folder, ["umount", "--all"]);
    rmSync(folder, { recursive: true, force: true });
  });

  describe("says how it is to be run", () => {
    it("as a user with a number who is not root, with /data as its only volume, ended by SIGTERM", () => {
      const { User, Volumes, ExposedPorts, StopSignal, Cmd } = image.config;
      expect({ User, volumes: Object.keys(Volumes), ports: Object.keys(ExposedPorts).sort(), StopSignal, Cmd }).toEqual(
        {
          User: "65532:65532",
          volumes: ["/data"],
          ports: ["2112/tcp", "5555/tcp"],
          StopSignal: "SIGTERM",
          Cmd: ["serve", "--config", "/etc/mayfly/mayfly.yaml"],
        },
      );
    });

    it("with the labels of the OCI image specification", () => {
      const { version, description } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as Record<
        string,
        string
      >;
      expect(image.config.Labels).toMatchObject({
        "org.opencontainers.image.title": "Mayfly",
        "org.opencontainers.image.description": description,
        "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.version": version,
      });
    });

    itPublished(`is built on the base images that the Dockerfile names${unpublished}`, () => {
      expect(readFileSync(join(image.rootfs, "usr/lib/os-release"), "utf8")).toContain("Distroless");
    });
  });

  it("takes its packages from the registry that the secret npmrc names, and from npm's own without one", () => {
    // Nobody listens on port 1; the image above was built without the secret.
    const npmrc = "registry=http://127.0.0.1:1/\nfetch-retries=0\n";
    expect(() => {
      installPackages(folder, context, { bases, npmrc });
    }).toThrow(/request to http:\/\/127\.0\.0\.1:1\/[^\n]* failed/u);
    recordEvidence("built without the secret npmrc; with one, npm asks the registry that it names");
  });

  describe("holds what it needs and nothing else", () => {
    it("the files of the package", () => {
      const list = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
        cwd: ROOT,
        encoding: "utf8",
      });
      const [packed] = JSON.parse(list) as [{ files: readonly { path: string }[] }];
      // dist/ is built in the image; it follows the sources.
      const dist = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
        .filter((path) => path.endsWith(".ts"))
        .flatMap((path) => [".js", ".d.ts"].map((ending) => `app/dist/${path.replace(/\.ts$/u, ending)}`));
      const others = packed.files.map(({ path }) => `app/${path}`).filter((path) => !path.startsWith("app/dist/"));
      const inImage = files().filter((path) => path.startsWith("app/") && !path.startsWith("app/node_modules/"));
      expect([...inImage].sort()).toEqual([...dist, ...others].sort());
      expect(inImage.filter((path) => path.startsWith("app/keys-dev/"))).toEqual(["app/keys-dev/fingerprints.json"]);
      recordEvidence(
        `files of the program: ${inImage.length}; from keys-dev/ only fingerprints.json; no tests, no sources`,
      );
    });

    it("the packages that the lockfile has for production, and no second Node.js", () => {
      const manifest =
        /^app\/(?<name>(?:node_modules\/(?:@[^/]+\/)?[^/]+\/)*node_modules\/(?:@[^/]+\/)?[^/]+)\/package\.json$/u;
      const installed = paths.flatMap((path) => manifest.exec(path)?.groups?.["name"] ?? []).sort();
      expect(installed.length).toBeGreaterThan(10);
      expect(installed).toEqual(productionPackages());
      expect(files().filter((path) => /(?:^|\/)node$/u.test(path))).toEqual(["usr/local/bin/node"]);
      recordEvidence(`packages: ${installed.length}, exactly those of the lockfile for production; one Node.js`);
    });

    it("the module that speaks PKCS#11, compiled, and nothing that compiled it", () => {
      const built = files().filter((path) => path.startsWith("app/node_modules/pkcs11js/build/"));
      expect(built).toEqual(["app/node_modules/pkcs11js/build/Release/pkcs11.node"]);
      expect(files().filter((path) => /\/(?:make|g\+\+|cc1plus|python3[.\d]*)$/u.test(path))).toEqual([]);
    });

    it("no npm, no cache of npm, no shell, no program that changes the user, nothing that its user could change", () => {
      const programs = /(?:^|\/)(?:sh|bash|dash|busybox|npm|npx|corepack|apt|apt-get|dpkg)$/u;
      const leftovers = /(?:^|\/)(?:_cacache|\.npm|\.npmrc|\.git)(?:\/|$)/u;
      expect(paths.filter((path) => programs.test(path) && stat(path)?.isDirectory() !== true)).toEqual([]);
      expect(paths.filter((path) => leftovers.test(path))).toEqual([]);
      expect(files().filter((path) => (Number(stat(path)?.mode) & 0o6000) !== 0)).toEqual([]);
      expect(paths.filter((path) => stat(path)?.uid === USER && path !== "data" && path !== "home/nonroot")).toEqual(
        [],
      );
      const open = files().filter((path) => (Number(stat(path)?.mode) & 0o002) !== 0);
      expect(open).toEqual([]);
      expect(Number(stat("data")?.mode) & 0o777).toBe(0o700);
      recordEvidence("no npm, npm cache, shell, package manager, setuid program or file that its user could write");
    });

    it("no secret that lay about where it was built, no development key, no private key at all", () => {
      const privateKey = /-----BEGIN [A-Z ]*PRIVATE KEY-----\r?\n[A-Za-z0-9+/]{16}|"ciphertext": "/u;
      expect(readFileSync(join(ROOT, "keys-dev", "log.json"), "utf8")).toMatch(privateKey);
      const found = files().filter((path) => {
        const bytes = readFileSync(join(image.rootfs, path));
        // Node.js itself knows what a PEM file looks like.
        return bytes.includes(SECRET) || (path.startsWith("app/") && privateKey.test(bytes.toString("latin1")));
      });
      expect(found).toEqual([]);
      expect(JSON.stringify(image.config)).not.toContain(SECRET);
      recordEvidence("10 secrets planted in the build folder, among them one in .npmrc: none is in the image");
    });

    it(`at most ${PACKED_LIMIT_MB} MB as a registry stores it`, () => {
      const sizeOf = (start: string): number =>
        files()
          .filter((path) => path.startsWith(start))
          .reduce((sum, path) => sum + Number(stat(path)?.size), 0);
      const [whole, node, packages] = [sizeOf(""), sizeOf("usr/local/bin/node"), sizeOf("app/node_modules/")];
      recordEvidence(`size: ${megabytes(image.packedBytes)} packed, ${megabytes(whole)} unpacked`);
      recordEvidence(
        `of it unpacked: Node.js ${megabytes(node)}, packages ${megabytes(packages)}, the program ${megabytes(sizeOf("app/") - packages)}`,
      );
      expect(image.packedBytes).toBeLessThan(PACKED_LIMIT_MB * 1e6);
    });
  });

  describe("runs read-only as its user", () => {
    const texts = ({ lines }: Exit): string => lines.map(({ msg }) => msg).join("\n");

    /** Runs a command of `mayfly` in the image; it must end well. */
    async function mayfly(mounts: readonly Mount[], ...command: string[]): Promise<string> {
      const exit = await runImage(image, { mounts, command });
      expect({ command, code: exit.code, stderr: exit.stderr }).toEqual({ command, code: 0, stderr: "" });
      return texts(exit);
    }

    const probe = async (script: string): Promise<string> => {
      const exit = await runImage(image, { mounts: [CONFIG, DATA], entrypoint: [NODE, "-e", script], command: [] });
      expect({ code: exit.code, stderr: exit.stderr }).toEqual({ code: 0, stderr: "" });
      return texts(exit);
    };

    it("can write /data and no other folder, and has no way to more", async () => {
      const script = `const fs = require("fs"); const { join } = require("path");
        const walk = (folder) => {
          try { fs.writeFileSync(join(folder, "probe"), ""); fs.unlinkSync(join(folder, "probe")); console.log("writes " + folder); } catch {}
          let entries = []; try { entries = fs.readdirSync(folder, { withFileTypes: true }); } catch {}
          for (const entry of entries) if (entry.isDirectory() && folder + entry.name !== "/proc") walk(join(folder, entry.name));
        };
        walk("/");
        console.log("pid " + process.pid + " uid " + process.getuid() + " gid " + process.getgid() + " groups " + process.getgroups());
        for (const line of fs.readFileSync("/proc/self/status", "utf8").match(/^(?:Cap(?:Inh|Prm|Eff|Amb)|NoNewPrivs).*/gm)) console.log(line);`;
      const none = "0".repeat(16);
      expect((await probe(script)).split("\n")).toEqual([
        "writes /data",
        `pid 1 uid ${USER} gid ${USER} groups ${USER}`,
        ...[`CapInh:\t${none}`, `CapPrm:\t${none}`, `CapEff:\t${none}`, `CapAmb:\t${none}`, "NoNewPrivs:\t1"],
      ]);
      recordEvidence("written by its user: /data and nothing else, tried in every folder; no capability; process 1");
    });

    it("can load a PKCS#11 module", async () => {
      const script = `const { PKCS11 } = require("/app/node_modules/pkcs11js");
        const load = (path) => { try { new PKCS11().load(path); console.log("loaded"); } catch ({ message }) { console.log(message); } };
        load("/nowhere.so"); load("/usr/lib/os-release");`;
      expect((await probe(script)).split("\n")).toEqual([
        expect.stringContaining("/nowhere.so: cannot open shared object file"),
        expect.stringContaining("invalid ELF header"),
      ]);
      recordEvidence("pkcs11js is compiled in it, and loads a library by the image's own linker");
    });

    it("says in one line what is missing, without a configuration and without a volume", async () => {
      const bare = await runImage(image, { mounts: [DATA] });
      expect({ code: bare.code, lines: bare.lines }).toEqual({ code: 1, lines: [] });
      expect(bare.stderr).toMatch(/^\/etc\/mayfly\/mayfly\.yaml: cannot be read: [^\n]*\n$/u);
    });

    it("makes the keys and the log in production, issues to Sigstore's client, drains, and goes on after a restart", async () => {
      const write = (name: string, text: string): void => {
        writeFileSync(join(keys, name), text, { mode: 0o600 });
        chownSync(join(keys, name), USER, USER);
      };
      write("passphrase", "chosen by the operator\n");
      write("issuer-ca.pem", issuer.certificate);
      write("mayfly.yaml", configText(issuer.url));
      const making = [{ ...CONFIG, writable: true }];
      const passphrase = ["--passphrase-file", "/etc/mayfly/passphrase"];
      await mayfly(making, "ca", "create", "--directory", "/etc/mayfly", "--organization", "Operator", ...passphrase);
      await mayfly(making, "key", "create", "--out", "/etc/mayfly/log.json", ...passphrase);
      const checkpoint = ["--algorithm", "ed25519", "--out", "/etc/mayfly/checkpoint.json"];
      await mayfly(making, "key", "create", ...checkpoint, ...passphrase);

      const config = ["--config", "/etc/mayfly/mayfly.yaml"];
      expect(await mayfly([CONFIG], "config", "check", ...config)).toContain("good (production, 1 issuer)");
      const noVolume = await runImage(image, { mounts: [CONFIG], command: ["log", "init", ...config] });
      expect(noVolume.code).toBe(1);
      expect(noVolume.stderr).toMatch(/^[^\n]*\/data[^\n]*\n$/u);
      expect(await mayfly([CONFIG, DATA], "log", "init", ...config)).toContain(`origin  ${ORIGIN}`);

      expect(await serveAndSign(1)).toMatchObject([{ logIndex: 0 }, { logIndex: 1 }]);
      asKubeletDelivers();
      expect(await serveAndSign(2)).toMatchObject([{ logIndex: 2 }, { logIndex: 3 }]);
      await mayfly([CONFIG, DATA], "log", "verify", ...config);
      recordEvidence(
        "the second start: secrets of root's, mode 0440, and a volume of root's, both with group 65532 as by fsGroup",
      );
      recordEvidence(
        "in production, from a mounted configuration: made its keys and its log, started twice on one volume, issued 4 " +
          "certificates to @sigstore/sign, verified by @sigstore/verify, node:crypto and the log's own proofs",
      );
      recordEvidence("SIGTERM: not ready, still issues, exit code 0; then `mayfly log verify` finds nothing amiss");
    });

    /** Secrets and volume belong to root, and to the group by `fsGroup`; what Mayfly wrote stays its own. */
    function asKubeletDelivers(): void {
      for (const name of readdirSync(keys)) {
        chownSync(join(keys, name), 0, USER);
        chmodSync(join(keys, name), 0o440);
      }
      for (const path of [keys, data]) {
        chownSync(path, 0, USER);
        chmodSync(path, 0o2775);
      }
    }

    async function serveAndSign(round: number): Promise<readonly LogProof[]> {
      const server = startImage(image, { mounts: [CONFIG, DATA] });
      try {
        const { fields = {} } = await server.line("ready");
        const [publicUrl, operationsUrl] = [fields["publicUrl"]!, fields["operationsUrl"]!];
        const ready = async (): Promise<number> => (await fetch(`${operationsUrl}/readyz`)).status;
        expect(await ready()).toBe(200);
        const first = await signAndVerify(publicUrl, `before${String(round)}@example.com`);
        const last = await drain(server, ready, () => signAndVerify(publicUrl, `after${String(round)}@example.com`));
        return [first, last];
      } finally {
        server.signal("SIGKILL");
        await server.exited;
      }
    }

    /** SIGTERM, one more certificate while readiness says no, and a second SIGTERM so that nobody waits. */
    async function drain(
      server: MayflyProcess,
      ready: () => Promise<number>,
      sign: () => Promise<LogProof>,
    ): Promise<LogProof> {
      server.signal(image.config.StopSignal);
      await server.line("stopping");
      expect(await ready()).toBe(503);
      const proof = await sign();
      server.signal(image.config.StopSignal);
      expect(await server.exited).toMatchObject({ code: 0, signal: null, stderr: "" });
      return proof;
    }

    async function signAndVerify(publicUrl: string, email: string): Promise<LogProof> {
      const anchors = {
        chainPem: readFileSync(join(keys, "chain.pem"), "utf8"),
        logPublicKey: publicKeyIn(join(keys, "log.json")),
      };
      const artifact = join(folder, "artifact");
      writeFileSync(artifact, `signed by ${email}\n`);
      const signed = await signFile(artifact, publicUrl, () => issuer.mintToken(email));
      verifyBundle(signed, anchors, email);
      verifyChain(leafOf(signed.bundle), anchors);
      return verifyLogProof(leafOf(signed.bundle), anchors, { url: `${publicUrl}/log`, origin: ORIGIN });
    }
  });
});

/** Production, with nothing relaxed but that the issuer is on this machine. */
function configText(issuerUrl: string): string {
  const signer = (name: string): string => `{ kind: file, path: ${name}.json, passphrase: { file: passphrase } }`;
  return `dataDirectory: /data
http: { listen: "127.0.0.1:0" }
operations: { listen: "127.0.0.1:0" }
ca: { chain: chain.pem, signer: ${signer("issuing")} }
log:
  origin: ${ORIGIN}
  store: { kind: sqlite }
  signer: ${signer("log")}
  checkpointSigner: ${signer("checkpoint")}
issuers:
  - { url: "${issuerUrl}", identity: { kind: email }, allowPrivateNetwork: true, caCertificate: issuer-ca.pem }
shutdown: { lameDuckSeconds: 60 }
`;
}
