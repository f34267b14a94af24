import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { watchFreeSpace } from "../../src/compose/watch-free-space.ts";
import type { WatchedFreeSpace } from "../../src/compose/watch-free-space.ts";
import { watchReadiness } from "../../src/compose/watch-readiness.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import { SAMPLE_INTERVAL_MS } from "../../src/core/readiness/judge-sample.ts";
import { makeFakeClock } from "../fakes/fake-clock.ts";
import { makeRecordingTelemetry } from "../fakes/recording-telemetry.ts";
import { canMount, mountTmpfs } from "../support/faults/mounts.ts";
import { itWhen } from "../support/it-when.ts";

const [itWithMount, notMountable] = itWhen(canMount(), "no right to mount");

const MIB = 1_048_576;
const DIRECTORY = "/var/lib/mayfly";
const { limits } = parseConfig(
  `dataDirectory: ${DIRECTORY}
http: { listen: "127.0.0.1:5555" }
operations: { listen: "127.0.0.1:2112" }
ca: { chain: c, signer: { kind: file, path: k, passphrase: { file: p } } }
log:
  origin: example.com
  signer: { kind: file, path: l, passphrase: { file: p } }
  checkpointSigner: { kind: file, path: e, passphrase: { file: p } }
issuers: [{ url: "https://issuer.example.com", identity: { kind: email } }]
`,
  "c.yaml",
);

type Environment = "production" | "development";

let watched: WatchedFreeSpace | undefined;
afterEach(() => {
  watched?.close();
  watched = undefined;
});

/** A watch over a file system that has as many bytes left as `free` says, and what it told at its start. */
async function watch(
  free: () => number,
  { environment = "production", minFreeDiskMiB }: { environment?: Environment; minFreeDiskMiB?: number } = {},
) {
  const telemetry = makeRecordingTelemetry();
  const asked: string[] = [];
  const config = {
    dataDirectory: DIRECTORY,
    environment,
    limits: { ...limits, ...(minFreeDiskMiB === undefined ? {} : { minFreeDiskMiB }) },
  };
  const read = (directory: string): Promise<number> => {
    asked.push(directory);
    return new Promise((resolve) => {
      resolve(free());
    });
  };
  watched = await watchFreeSpace(config, { telemetry, read, lookMs: 2 ** 30 });
  return { space: watched, telemetry, asked };
}

describe("the free space of the data directory", () => {
  it("[P1] must be 512 MiB unless the configuration says otherwise", async () => {
    let free = 512 * MIB;
    const { space, asked } = await watch(() => free);
    expect(space.problem()).toBeUndefined();
    expect(space.freeBytes).toBe(512 * MIB);
    free -= 1;
    await space.look();
    expect(space.problem()).toBe("511 MiB free, of at least 512");
    expect(asked).toEqual([DIRECTORY, DIRECTORY]);
  });

  it.each<[string, { environment?: Environment; minFreeDiskMiB?: number }, string | undefined]>([
    ["as much as is set", { minFreeDiskMiB: 2_048 }, "1000 MiB free, of at least 2048"],
    [
      "as much as is set, in development too",
      { environment: "development", minFreeDiskMiB: 1_001 },
      "1000 MiB free, of at least 1001",
    ],
    ["no more than is set", { minFreeDiskMiB: 1_000 }, undefined],
    ["nothing where none is wanted", { minFreeDiskMiB: 0 }, undefined],
    ["nothing in development", { environment: "development" }, undefined],
  ])("[P1] must be %s", async (_, settings, problem) => {
    const { space, telemetry } = await watch(() => 1_000 * MIB, settings);
    expect(space.problem()).toBe(problem);
    expect(telemetry.notices).toEqual([]);
  });

  it("is only mentioned in development when there is little", async () => {
    const { space, telemetry } = await watch(() => 100 * MIB, { environment: "development" });
    expect(space.problem()).toBeUndefined();
    expect(telemetry.notices).toEqual([
      { level: "warn", message: "little free space for the data directory", fields: { freeMiB: 100 } },
    ]);
  });

  it("is missing where the operating system does not tell", async () => {
    const fail = (): never => {
      throw new Error("EIO: i/o error, statfs");
    };
    const { space } = await watch(fail);
    expect(space.problem()).toBe("free space is not known: EIO: i/o error, statfs");
    expect(space.freeBytes).toBeUndefined();
    space.close();
    expect((await watch(fail, { environment: "development" })).space.problem()).toBeUndefined();
  });

  it("is not asked for again while an answer is outstanding", async () => {
    const late = Promise.withResolvers<number>();
    const answers = [Promise.resolve(9 * MIB), late.promise];
    const config = { dataDirectory: DIRECTORY, environment: "production", limits } as const;
    watched = await watchFreeSpace(config, {
      telemetry: makeRecordingTelemetry(),
      read: () => answers.shift() ?? Promise.reject(new Error("asked too often")),
      lookMs: 2 ** 30,
    });
    const looks = [watched.look(), watched.look(), watched.look()];
    late.resolve(7 * MIB);
    await Promise.all(looks);
    expect(watched.freeBytes).toBe(7 * MIB);
  });

  describe("in readiness", () => {
    beforeEach(() => {
      jest.useFakeTimers({ doNotFake: ["nextTick", "queueMicrotask", "setImmediate"] });
    });
    afterEach(() => {
      jest.useRealTimers();
    });

    it("[P1] turns it off below the limit, and on again when space returns", async () => {
      let free = 600 * MIB;
      const { space } = await watch(() => free);
      const clock = makeFakeClock();
      const checks = [{ name: "disk", passing: () => space.problem() }];
      const readiness = watchReadiness(checks, { clock, telemetry: makeRecordingTelemetry() });
      const sample = async (): Promise<unknown> => {
        await space.look();
        clock.advance(SAMPLE_INTERVAL_MS);
        readiness.look();
        return readiness.checks()[0];
      };
      const [yes, no] = [
        { name: "disk", ok: true },
        { name: "disk", ok: false, detail: "40 MiB free, of at least 512" },
      ];
      expect(await sample()).toEqual(yes);
      free = 40 * MIB;
      expect([await sample(), await sample()]).toEqual([
        { ...no, ok: true },
        { ...no, ok: true },
      ]);
      expect(await sample()).toEqual(no);
      free = 600 * MIB;
      expect([await sample(), await sample()]).toEqual([no, yes]);
      readiness.close();
    });
  });

  itWithMount(`[P1] is what a small file system has left${notMountable}`, async () => {
    const directory = mkdtempSync(join(tmpdir(), "mayfly-free-"));
    const mount = mountTmpfs(directory, "8m");
    try {
      const settings = {
        dataDirectory: directory,
        environment: "production",
        limits: { ...limits, minFreeDiskMiB: 4 },
      } as const;
      watched = await watchFreeSpace(settings, { telemetry: makeRecordingTelemetry(), lookMs: 2 ** 30 });
      expect(watched.problem()).toBeUndefined();
      expect(watched.freeBytes).toBe(8 * MIB);
      writeFileSync(join(directory, "filler"), Buffer.alloc(5 * MIB));
      await watched.look();
      expect(watched.problem()).toBe("3 MiB free, of at least 4");
      rmSync(join(directory, "filler"));
      await watched.look();
      expect(watched.problem()).toBeUndefined();
    } finally {
      mount.undo();
      rmSync(directory, { recursive: true });
    }
  });
});
