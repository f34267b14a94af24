import { describe, expect, it } from "@jest/globals";

import { makeGroupWriter } from "../../../src/adapters/audit/group-writer.ts";

/** A sink that takes a write and finishes it when told. */
function makeHeldSink() {
  const writes: { text: string; finish: () => void; fail: (error: Error) => void }[] = [];
  return {
    writes,
    append: (lines: readonly string[]) =>
      new Promise<void>((resolve, reject) => {
        writes.push({ text: lines.map((line) => `${line}\n`).join(""), finish: resolve, fail: reject });
      }),
  };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const outcomes = async (promises: readonly Promise<void>[]) =>
  (await Promise.allSettled(promises)).map(({ status }) => status);

describe("makeGroupWriter", () => {
  it("has one write in flight, and joins in the next what arrives meanwhile", async () => {
    const sink = makeHeldSink();
    const writer = makeGroupWriter(sink.append, 100);
    const first = [writer.write(() => ["1"]), writer.write(() => ["2"])];
    await turn();
    const second = ["3", "4", "5"].map((line) => writer.write(() => [line]));
    await turn();
    expect(sink.writes.map(({ text }) => text)).toEqual(["1\n2\n"]);
    sink.writes[0]!.finish();
    await Promise.all(first);
    await turn();
    expect(sink.writes.map(({ text }) => text)).toEqual(["1\n2\n", "3\n4\n5\n"]);
    sink.writes[1]!.finish();
    await Promise.all(second);
  });

  it("resolves no line before its write has ended", async () => {
    const sink = makeHeldSink();
    const writer = makeGroupWriter(sink.append, 100);
    let done = false;
    const line = writer.write(() => ["1"]).then(() => (done = true));
    await turn();
    expect(done).toBe(false);
    sink.writes[0]!.finish();
    await line;
    expect(done).toBe(true);
  });

  it("holds a bounded number of lines for a sink that blocks, and makes none beyond it", async () => {
    const sink = makeHeldSink();
    const writer = makeGroupWriter(sink.append, 8);
    const taken: Promise<void>[] = [];
    for (let line = 0; line < 3; line += 1) taken.push(writer.write(() => ["x"]));
    await turn();
    for (let line = 0; line < 5; line += 1) taken.push(writer.write(() => ["x"]));
    let made = 0;
    for (let line = 0; line < 1_000; line += 1) {
      const refused = writer.write(() => {
        made += 1;
        return ["x"];
      });
      await expect(refused).rejects.toMatchObject({ code: "overloaded", reason: "AUDIT_QUEUE_FULL" });
    }
    expect(made).toBe(0);
    sink.writes[0]!.finish();
    await turn();
    const afterwards = writer.write(() => ["y"]);
    sink.writes[1]!.finish();
    await turn();
    sink.writes[2]!.finish();
    expect(await outcomes([...taken, afterwards])).toEqual(Array<string>(9).fill("fulfilled"));
  });

  it("takes a line that is owed however many wait, and no other because of it", async () => {
    const sink = makeHeldSink();
    const writer = makeGroupWriter(sink.append, 2);
    const taken = [writer.write(() => ["1"]), writer.write(() => ["2"])];
    const owed = ["3", "4"].map((line) => writer.write(() => [line], true));
    await expect(writer.write(() => ["5"])).rejects.toMatchObject({ reason: "AUDIT_QUEUE_FULL" });
    await turn();
    sink.writes[0]!.finish();
    expect(sink.writes.map(({ text }) => text)).toEqual(["1\n2\n3\n4\n"]);
    expect(await outcomes([...taken, ...owed])).toEqual(Array<string>(4).fill("fulfilled"));
  });

  it("fails a line that is owed like any other once a write failed", async () => {
    const writer = makeGroupWriter(() => Promise.reject(new Error("ENOSPC")), 100);
    await expect(writer.write(() => ["1"])).rejects.toMatchObject({ reason: "AUDIT_FAILED" });
    await expect(writer.write(() => ["2"], true)).rejects.toMatchObject({ reason: "AUDIT_FAILED" });
  });

  it("fails the write, what waits behind it and everything later once a write failed", async () => {
    const sink = makeHeldSink();
    const writer = makeGroupWriter(sink.append, 100);
    const inFlight = writer.write(() => ["1"]);
    await turn();
    const waiting = [writer.write(() => ["2"]), writer.write(() => ["3"])];
    const settled = outcomes([inFlight, ...waiting]);
    sink.writes[0]!.fail(new Error("ENOSPC"));
    expect(await settled).toEqual(["rejected", "rejected", "rejected"]);
    await expect(writer.write(() => ["4"])).rejects.toMatchObject({ reason: "AUDIT_FAILED" });
    await turn();
    expect(sink.writes).toHaveLength(1);
    await writer.end();
  });

  it("ends after the last line taken, and takes none afterwards", async () => {
    const sink = makeHeldSink();
    const writer = makeGroupWriter(sink.append, 100);
    const line = writer.write(() => ["1"]);
    let ended = false;
    const end = writer.end().then(() => (ended = true));
    await expect(writer.write(() => ["2"])).rejects.toMatchObject({ reason: "AUDIT_FAILED" });
    await turn();
    expect(ended).toBe(false);
    sink.writes[0]!.finish();
    await Promise.all([line, end]);
    expect(sink.writes.map(({ text }) => text)).toEqual(["1\n"]);
  });
});
