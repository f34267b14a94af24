import { afterAll, expect, it } from "@jest/globals";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { recordEvidence } from "../../support/evidence.ts";
import { compileFaultShim, type Fault, type FaultShim } from "../../support/faults/fault-shim.ts";
import { faultsOf, ServiceRig } from "../../support/faults/service-rig.ts";
import { itWhen } from "../../support/it-when.ts";

const shim = compileFaultShim();
const [itWithShim, skipped] = itWhen(shim !== undefined, "no C compiler");

afterAll(() => {
  shim?.remove();
});

/** Certificates that are asked for while the fault is there. */
const CERTIFICATES = 12;

const WRITE_ERRORS = ["EIO", "ENOSPC", "SHORT"] as const;

type Place = Pick<Fault, "call" | "file"> & { readonly positions: readonly number[] };

/** Which calls fail, counted over the life of a process: at its start, under load, when it stops. */
const places: readonly Place[] = [
  { call: "write", file: "log.sqlite-wal", positions: [1, 2, 7, 20, 45, 90, 150] },
  { call: "fsync", file: "log.sqlite-wal", positions: [1, 2, 3, 6, 11] },
  { call: "write", file: "log.sqlite", positions: [1, 2, 5, 9] },
  { call: "fsync", file: "log.sqlite", positions: [1, 2] },
  { call: "write", file: "head.note.new", positions: [1, 2] },
  { call: "fsync", file: "head.note.new", positions: [1, 2] },
  { call: "rename", file: "head.note.new", positions: [1, 2] },
  { call: "write", file: "audit.jsonl", positions: [1, 2, 3, 8, 13] },
  { call: "fsync", file: "audit.jsonl", positions: [1] },
];

/** Runs the service with the fault, then without, and proves that nothing that a caller has is lost. */
async function meetFault(rig: ServiceRig, { environment }: FaultShim, fault: Fault): Promise<string> {
  const mayfly = rig.serve(environment(fault));
  const ready = await mayfly.line("ready").catch(() => undefined);
  if (ready !== undefined) {
    await rig.call(ready.fields?.["publicUrl"] ?? "", CERTIFICATES);
    mayfly.signal("SIGTERM");
  }
  const ended = await mayfly.exited;
  expect(ended.signal).toBeNull();
  const found = await rig.requireGood();
  const end = ready === undefined ? "start refused" : ended.code === 0 ? "went on" : "ended itself";
  return faultsOf(ended) === 0 ? `not met, ${String(found)} found` : `${end}, ${String(found)} certificates found`;
}

itWithShim.each(places)(
  `[P1] [P2] the service keeps every answer when $call of $file fails${skipped}`,
  async (place) => {
    const { call, file, positions } = place;
    const rig = await ServiceRig.open();
    try {
      let met = 0;
      for (const error of call === "write" ? WRITE_ERRORS : (["EIO"] as const)) {
        for (const first of positions) {
          const outcome = await meetFault(rig, shim!, { call, file, first, error });
          if (!outcome.startsWith("not met")) met += 1;
          recordEvidence(`${error} in ${call} number ${String(first)} of ${file}: ${outcome}`);
        }
      }
      expect(met).toBeGreaterThan(0);
    } finally {
      await rig.close();
    }
  },
);

it("answers 503 while another program holds the database for longer than it waits, and recovers by itself", async () => {
  const rig = await ServiceRig.open();
  try {
    const mayfly = rig.serve();
    const { fields = {} } = await mayfly.line("ready");
    const readyz = async (): Promise<number> => (await globalThis.fetch(`${fields["operationsUrl"]!}/readyz`)).status;
    expect(await rig.call(fields["publicUrl"]!, 2)).toEqual({ answered: 2, refused: [] });
    const other = new DatabaseSync(join(rig.data, "log.sqlite"));
    other.exec("BEGIN IMMEDIATE");
    expect(await rig.ask(fields["publicUrl"]!)).toBe(503);
    // One failed batch says little: readiness turns with the third bad sample, and back with the second good one.
    expect(await readyz()).toBe(200);
    while ((await readyz()) !== 503) await pause(200);
    other.exec("ROLLBACK");
    other.close();
    while ((await readyz()) !== 200) await pause(200);
    expect(await rig.call(fields["publicUrl"]!, 2)).toEqual({ answered: 2, refused: [] });
    mayfly.signal("SIGTERM");
    expect(await mayfly.exited).toMatchObject({ code: 0, stderr: "" });
    expect(await rig.requireGood()).toBe(4);
    recordEvidence(
      "database held by another program for over 5 s: 503, then not ready; ready by itself and 200 after it let go",
    );
  } finally {
    await rig.close();
  }
});

it("[P8] a process that stands still keeps its data directory, and goes on when it is woken", async () => {
  const rig = await ServiceRig.open();
  try {
    const mayfly = rig.serve();
    const { fields = {} } = await mayfly.line("ready");
    expect(await rig.call(fields["publicUrl"]!, 3)).toEqual({ answered: 3, refused: [] });
    mayfly.signal("SIGSTOP");
    for (let attempt = 0; attempt < 3; attempt++) {
      const { code, stderr } = await rig.serve().exited;
      expect(code).toBe(1);
      expect(stderr).toContain(`in use by another Mayfly: process ${String(mayfly.pid)} on `);
    }
    mayfly.signal("SIGCONT");
    expect(await rig.call(fields["publicUrl"]!, 3)).toEqual({ answered: 3, refused: [] });
    mayfly.signal("SIGKILL");
    await mayfly.exited;
    expect(await rig.requireGood()).toBe(6);
    recordEvidence("data directory of a stopped process: three starts refused with its pid; free when it was killed");
  } finally {
    await rig.close();
  }
});
