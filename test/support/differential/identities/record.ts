/** Makes test/vectors/fulcio/identities.json anew: `node test/support/differential/identities/record.ts`. Needs Go. */
import { writeFileSync } from "node:fs";
import { format } from "prettier";
import { CTFE } from "../../foreign-log/trillian-log.ts";
import { buildGoTool } from "../../go-tool.ts";
import { FULCIO, fulcioVersion } from "../fulcio-program.ts";
import { openIdentityLab } from "./lab.ts";
import { outcomeOf, RECORDED_FILES, recordIdentities, sampledTokens } from "./recorded.ts";
import type { Outcome, SampledToken } from "./recorded.ts";

for (const tool of [CTFE, FULCIO]) buildGoTool(tool);
const seen: (SampledToken & { readonly outcome: Outcome })[] = [];
for (const file of RECORDED_FILES) {
  const tokens = sampledTokens(file);
  const lab = await openIdentityLab(
    file.issuers(),
    tokens.map(({ tokenCase }) => tokenCase),
  );
  try {
    for (const token of tokens) {
      seen.push({ ...token, outcome: outcomeOf((await lab.ask(token.tokenCase)).fulcio) });
    }
  } finally {
    await lab.close();
  }
}
const text = JSON.stringify(recordIdentities(fulcioVersion(), seen));
writeFileSync("test/vectors/fulcio/identities.json", await format(text, { parser: "json", printWidth: 120 }));
