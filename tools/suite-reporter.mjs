// Says each test of a long suite when it ends, not when its file does.
export default class SuiteReporter {
  onTestCaseResult(_test, { duration, fullName, status }) {
    const word = { passed: "ok    ", failed: "FAILED" }[status] ?? status;
    console.error(`${word}  ${((duration ?? 0) / 1000).toFixed(1).padStart(7)} s  ${fullName}`);
  }
}
