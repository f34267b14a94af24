/** Makes test/vectors/fulcio/answers.json anew: `node test/support/differential/record.ts`. Needs Go. */
import { mkdirSync, writeFileSync } from "node:fs";
import { format } from "prettier";
import { CTFE } from "../foreign-log/trillian-log.ts";
import { buildGoTool } from "../go-tool.ts";
import type { Answer } from "./answer.ts";
import { openLab } from "./lab.ts";
import { FULCIO, fulcioVersion } from "./fulcio-program.ts";
import { recordAnswers, SAMPLE } from "./recorded-answers.ts";

for (const tool of [CTFE, FULCIO]) buildGoTool(tool);
const { source, askFulcio, close } = await openLab();
try {
  const answers: Answer[] = [];
  for (const { request, entrance } of SAMPLE) {
    answers.push((await askFulcio(request.call(entrance, source))).answer);
  }
  const text = JSON.stringify(recordAnswers(fulcioVersion(), answers));
  mkdirSync("test/vectors/fulcio", { recursive: true });
  writeFileSync("test/vectors/fulcio/answers.json", await format(text, { parser: "json", printWidth: 120 }));
} finally {
  await close();
}
