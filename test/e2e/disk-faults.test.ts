import { afterAll, afterEach, beforeEach, describe, expect } from "@jest/globals";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compileFaultShim, type Fault } from "../support/faults/fault-shim.ts";
import { faultsOf, ServiceRig } from "../support/faults/service-rig.ts";
import { itWhen } from "../support/it-when.ts";

const shim = compileFaultShim();
const [itWithShim, skipped] = itWhen(shim !== undefined, "no C compiler");

let rig: ServiceRig;

beforeEach(async () => {
  rig = await ServiceRig.open();
});

afterEach(() => rig.close());

afterAll(() => {
  shim?.remove();
});

const under = (fault: Fault) => shim!.environment(fault);

describe("a service whose disk", () => {
  itWithShim(
    `has no room for the audit trail ends, delivers nothing, and starts when there is room${skipped}`,
    async () => {
      const mayfly = rig.serve(under({ call: "write", file: "audit.jsonl", first: 8, count: 1000, error: "ENOSPC" }));
      const { fields = {} } = await mayfly.line("ready");
      // A start line, the configuration, then intent and outcome of each: the eighth line is the third certificate's outcome.
      expect(await rig.call(fields["publicUrl"]!, 10)).toMatchObject({
        answered: 2,
        refused: [500, expect.anything()],
      });
      const ended = await mayfly.exited;
      expect(ended.code).toBe(1);
      expect(ended.lines.find(({ msg }) => msg.startsWith("failed;"))?.fields?.["error"]).toMatch(
        /audit trail.*ENOSPC/u,
      );
      const trail = readFileSync(join(rig.data, "audit.jsonl"), "utf8");
      for (let attempt = 0; attempt < 2; attempt++) {
        const refused = rig.serve(under({ call: "write", file: "audit.jsonl", first: 1, count: 9, error: "ENOSPC" }));
        expect(await refused.exited).toMatchObject({ code: 1, stderr: expect.stringMatching(/mayfly: .*ENOSPC/u) });
      }
      expect(readFileSync(join(rig.data, "audit.jsonl"), "utf8")).toBe(trail);
      expect(await rig.requireGood()).toBe(2);
    },
  );

  itWithShim(`does not take head.note goes on, says so, and writes it later${skipped}`, async () => {
    const mayfly = rig.serve(under({ call: "fsync", file: "head.note.new", first: 1, count: 1, error: "EIO" }));
    const { fields = {} } = await mayfly.line("ready");
    expect(await rig.call(fields["publicUrl"]!, 3)).toEqual({ answered: 3, refused: [] });
    await mayfly.line("the head mark could not be written");
    mayfly.signal("SIGTERM");
    const ended = await mayfly.exited;
    expect({ code: ended.code, faults: faultsOf(ended) }).toEqual({ code: 0, faults: 1 });
    expect(readFileSync(join(rig.data, "head.note"), "utf8").split("\n")[1]).toBe("3");
    expect(await rig.requireGood()).toBe(3);
  });
});
