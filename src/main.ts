import { runProgram } from "./cli/program.ts";

// Opening these streams makes a pipe non-blocking. Otherwise a thread of the pool that writes log lines for a reader
// which has stopped would wait in the kernel, and at exit Node waits for that thread: the process would never end.
const { stdout, stderr } = process;
// A failed write is a failure without a stack trace; a reader that has gone (`| head`) knows why.
stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exitCode = 1;
  if (error.code !== "EPIPE") stderr.write(`mayfly: standard output: ${error.message}\n`);
});
stderr.on("error", () => {
  process.exitCode = 1;
});

// Without a listener, SIGUSR1 opens Node's inspector on loopback, and with it every key of the process to whoever may
// connect there.
process.on("SIGUSR1", () => undefined);

const code = await runProgram(process.argv.slice(2), {
  env: process.env,
  pid: process.pid,
  stdout: (text) => stdout.write(text),
  stderr: (text) => stderr.write(text),
  stderrIsTerminal: stderr.isTTY,
  onStopSignal: (handler) => {
    process.on("SIGTERM", handler);
    process.on("SIGINT", handler);
  },
  onPauseSignal: (handler) => {
    process.on("SIGUSR2", handler);
  },
  onReadAgainSignal: (handler) => {
    process.on("SIGHUP", handler);
  },
  onCrash: (handler) => {
    process.on("uncaughtException", handler);
    process.on("unhandledRejection", handler);
  },
  exit: (exitCode) => process.exit(exitCode),
});
if (code !== 0) process.exitCode = code;
