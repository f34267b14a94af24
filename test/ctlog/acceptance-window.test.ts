import { describe, expect, it } from "@jest/globals";
import { windowRefusal } from "../../src/ctlog/acceptance-window.ts";

const WINDOW = { startMs: 1_000, endMs: 2_000 };

describe("the window of a log", () => {
  it.each([1_000, 1_001, 1_999])("holds %i ms", (timestampMs) => {
    expect(windowRefusal(WINDOW, timestampMs)).toBeUndefined();
  });

  it.each([
    ["before it", 999, 1],
    ["long before it", 0, 1_000],
  ])("tells whoever comes %s how long to wait", (_, timestampMs, retryAfterMs) => {
    expect(windowRefusal(WINDOW, timestampMs)).toMatchObject({
      code: "log_unavailable",
      reason: "LOG_WINDOW",
      retryAfterMs,
    });
  });

  it.each([2_000, 2_001, 9_000])("does not hold %i ms, for which nobody need wait", (timestampMs) => {
    const refusal = windowRefusal(WINDOW, timestampMs);
    expect(refusal).toMatchObject({ code: "log_unavailable", reason: "LOG_WINDOW" });
    expect(refusal?.retryAfterMs).toBeUndefined();
  });
});
