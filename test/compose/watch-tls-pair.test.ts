import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { watchTlsPair } from "../../src/compose/watch-tls-pair.ts";
import type { WatchedTlsPair } from "../../src/compose/watch-tls-pair.ts";
import type { MayflyError } from "../../src/core/errors.ts";
import type { TlsTelemetry } from "../../src/ports/telemetry.ts";
import { makeRecordingTelemetry } from "../fakes/recording-telemetry.ts";
import { makeTestTlsPair } from "../support/tls-pair.ts";
import type { TestTlsPair } from "../support/tls-pair.ts";

const made = mkdtempSync(join(tmpdir(), "mayfly-tls-made-"));
const [first, second, third] = ["first", "second", "third"].map((name) => makeTestTlsPair(made, name)) as [
  TestTlsPair,
  TestTlsPair,
  TestTlsPair,
];
afterAll(() => {
  rmSync(made, { recursive: true });
});

let folder: string;
let files: { certificate: string; key: string };
let watched: WatchedTlsPair | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mayfly-tls-watch-"));
  files = { certificate: join(folder, "tls.crt"), key: join(folder, "tls.key") };
  write(first);
});
afterEach(() => {
  watched?.close();
  watched = undefined;
  rmSync(folder, { recursive: true });
});

function write({ certificate, key }: Pick<TestTlsPair, "certificate" | "key">): void {
  writeFileSync(files.certificate, certificate);
  writeFileSync(files.key, key);
}

function remove(...paths: string[]): void {
  for (const path of paths) rmSync(path);
}

/** Telemetry that counts what it is told of TLS. */
function makeTelemetry() {
  const told: string[] = [];
  const tls: TlsTelemetry = {
    handshakeFailed: (cause) => void told.push(cause),
    pairLoaded: () => void told.push("loaded"),
    pairRefused: () => void told.push("refused"),
  };
  return { ...makeRecordingTelemetry(), tls, told };
}

/** Looks by hand only, as often as a change needs to be believed. */
async function watch() {
  const telemetry = makeTelemetry();
  const pair = await watchTlsPair(files, { clock: { now: Date.now }, telemetry, pollMs: 2 ** 30 });
  watched = pair;
  const used: string[] = [];
  pair.onChange(({ certificate }) => used.push(certificate));
  const look = async (): Promise<void> => {
    await pair.look();
    await pair.look();
  };
  return { pair, telemetry, used, look };
}

describe("a certificate and its key in files", () => {
  it.each([
    [
      "[FC36] neither file exists",
      () => {
        remove(files.certificate, files.key);
      },
      "ENOENT",
    ],
    [
      "[FC36] the certificate does not exist",
      () => {
        rmSync(files.certificate);
      },
      "ENOENT",
    ],
    [
      "[FC36] the key does not exist",
      () => {
        rmSync(files.key);
      },
      "ENOENT",
    ],
    [
      "[FC37] neither is PEM",
      () => {
        write({ certificate: "no", key: "no" });
      },
      "the certificate cannot be used",
    ],
    [
      "[FC38] the key is not PEM",
      () => {
        write({ ...first, key: "no" });
      },
      "the key cannot be used",
    ],
    [
      "[FC39] the certificate is not PEM",
      () => {
        write({ ...first, certificate: "no" });
      },
      "the certificate cannot be",
    ],
    [
      "the key is another's",
      () => {
        write({ ...first, key: second.key });
      },
      "the key is not that of the certificate",
    ],
    [
      "a folder stands in its place",
      () => {
        remove(files.key);
        mkdirSync(files.key);
      },
      "tls.key is not a regular file",
    ],
    [
      "a pipe stands in its place",
      () => {
        remove(files.key);
        execFileSync("mkfifo", [files.key]);
      },
      "tls.key is not a regular file",
    ],
    [
      "the file has no end",
      () => {
        truncateSync(files.key, 2 ** 20 + 1);
      },
      "tls.key is larger than 1 MiB",
    ],
  ])("refuse the start when %s", async (_case, spoil, says) => {
    spoil();
    const refusal = await watchTlsPair(files, { clock: { now: Date.now }, telemetry: makeTelemetry() }).then(
      () => undefined,
      (error: unknown) => error as MayflyError,
    );
    expect(refusal?.reason).toBe("TLS_PAIR_INVALID");
    const causes = [refusal?.message, (refusal?.cause as Error | undefined)?.message].join(": ");
    expect(causes).toContain(says);
  });

  it("[FC40] are told of once they are in use", async () => {
    const { pair, telemetry } = await watch();
    expect(pair.pair.certificate).toBe(first.certificate);
    expect(telemetry.told).toEqual(["loaded"]);
    expect(telemetry.notices).toMatchObject([
      {
        level: "info",
        message: "TLS certificate in use",
        fields: { fingerprint: pair.pair.fingerprint, notAfter: new Date(pair.pair.notAfterMs).toISOString() },
      },
    ]);
  });

  it("change nothing as long as their content is the same", async () => {
    const { telemetry, used, look } = await watch();
    write(first);
    await look();
    expect(used).toEqual([]);
    expect(telemetry.told).toEqual(["loaded"]);
  });

  it.each([
    [
      "[FC40] written in place",
      () => {
        write(second);
      },
    ],
    [
      "renamed into place",
      () => {
        writeFileSync(`${files.certificate}.new`, second.certificate);
        writeFileSync(`${files.key}.new`, second.key);
        renameSync(`${files.certificate}.new`, files.certificate);
        renameSync(`${files.key}.new`, files.key);
      },
    ],
    [
      "removed and written anew",
      () => {
        rmSync(files.certificate);
        rmSync(files.key);
        write(second);
      },
    ],
  ])("are used once they are %s", async (_case, change) => {
    const { pair, telemetry, used, look } = await watch();
    change();
    await look();
    expect(used).toEqual([second.certificate]);
    expect(pair.pair).toMatchObject({ certificate: second.certificate, key: second.key });
    expect(telemetry.told).toEqual(["loaded", "loaded"]);
  });

  it("[R18] are used once the link to their folder is swapped, as Kubernetes does it", async () => {
    const version = (name: string, pair: TestTlsPair): void => {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, "tls.crt"), pair.certificate);
      writeFileSync(join(folder, name, "tls.key"), pair.key);
    };
    for (const file of Object.values(files)) rmSync(file);
    version("..2026_1", first);
    symlinkSync("..2026_1", join(folder, "..data"));
    symlinkSync(join("..data", "tls.crt"), files.certificate);
    symlinkSync(join("..data", "tls.key"), files.key);
    const { used, look } = await watch();
    version("..2026_2", second);
    symlinkSync("..2026_2", join(folder, "..data_tmp"));
    renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
    rmSync(join(folder, "..2026_1"), { recursive: true });
    await look();
    expect(used).toEqual([second.certificate]);
  });

  it("[R18] are not used while they are still being written", async () => {
    const { pair, telemetry, used } = await watch();
    writeFileSync(files.certificate, second.certificate.slice(0, 100));
    await pair.look();
    writeFileSync(files.certificate, second.certificate);
    await pair.look();
    writeFileSync(files.key, second.key);
    await pair.look();
    expect(telemetry.told).toEqual(["loaded"]);
    await pair.look();
    expect(telemetry.told).toEqual(["loaded", "loaded"]);
    expect(used).toEqual([second.certificate]);
  });

  it.each([
    [
      "[FC36] both are gone",
      () => {
        remove(files.certificate, files.key);
      },
    ],
    [
      "[FC37] neither is PEM any more",
      () => {
        write({ certificate: "no", key: "no" });
      },
    ],
    [
      "[FC38] the key is damaged",
      () => {
        write({ ...second, key: second.key.replace("MIG", "MIH") });
      },
    ],
    [
      "[FC39] the certificate is damaged",
      () => {
        write({ ...second, certificate: "no" });
      },
    ],
    [
      "only the certificate was replaced",
      () => {
        write({ ...first, certificate: second.certificate });
      },
    ],
    [
      "only the key was replaced",
      () => {
        write({ ...first, key: second.key });
      },
    ],
  ])("stay as they were when %s, and that is said and counted once", async (_case, spoil) => {
    const { pair, telemetry, used, look } = await watch();
    spoil();
    await look();
    await look();
    expect(used).toEqual([]);
    expect(pair.pair.certificate).toBe(first.certificate);
    expect(telemetry.told).toEqual(["loaded", "refused"]);
    expect(telemetry.notices.slice(1)).toMatchObject([
      {
        level: "error",
        message: "TLS certificate refused; the one before stays in use",
        fields: { inUse: pair.pair.fingerprint },
      },
    ]);
    expect(JSON.stringify(telemetry.notices)).not.toContain("PRIVATE");
    write(third);
    await look();
    expect(used).toEqual([third.certificate]);
  });

  it("stay as they were when the new certificate has expired already", async () => {
    let nowMs = Date.now();
    const telemetry = makeTelemetry();
    watched = await watchTlsPair(files, { clock: { now: () => nowMs }, telemetry, pollMs: 2 ** 30 });
    nowMs += 2 * 86_400_000;
    write(second);
    await watched.look();
    await watched.look();
    expect(telemetry.told).toEqual(["loaded", "refused"]);
    expect(watched.pair.certificate).toBe(first.certificate);
  });

  it("are looked at without being asked, until they are closed", async () => {
    const telemetry = makeTelemetry();
    watched = await watchTlsPair(files, { clock: { now: Date.now }, telemetry, pollMs: 1 });
    const changed = new Promise<string>((use) => {
      watched?.onChange(({ certificate }) => {
        use(certificate);
      });
    });
    write(second);
    expect(await changed).toBe(second.certificate);
    watched.close();
  });
});
