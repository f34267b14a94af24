/**
 * The process that a PKCS#11 module runs in (docs/adr/0014-pkcs11-process.md). Argument: the module. It ends with the process
 * that started it.
 */
import pkcs11 from "pkcs11js";
import type { TokenReply, TokenRequest } from "./token-calls.ts";
import { TokenModule } from "./token-module.ts";

const [, , path = ""] = process.argv;
const module = new TokenModule(new pkcs11.PKCS11(), path);

process.on("message", ({ id, call }: TokenRequest) => {
  module.call(call).then(
    (result) => {
      reply({ id, result });
    },
    (error: unknown) => {
      reply({ id, fault: nameOf(error) });
    },
  );
});

// They are sent to a whole group by terminals and service managers, and who waits for a certificate still gets it.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => undefined);

process.once("disconnect", () => {
  module.finish();
  // A module that hangs in a thread would hold up an exit of the ordinary kind.
  process.kill(process.pid, "SIGKILL");
});

function reply(message: TokenReply): void {
  // Nobody is there any more to be told that nobody is there.
  process.send?.(message, undefined, undefined, () => undefined);
}

/** CKR_… or the name of a fault of ours: messages of modules may quote anything. */
function nameOf(error: unknown): string {
  const text = error instanceof Error ? error.message : "";
  return /^[A-Z][A-Z0-9_]{2,63}$/u.test(text) ? text : "an unexpected error";
}
