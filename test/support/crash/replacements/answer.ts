import { sendAnswer as send } from "../../../../src/http/answer.ts";
import { crashAt } from "../crash-point.ts";

export * from "../../../../src/http/answer.ts";

/** Ends the process when a certificate is signed and written down, and nothing of it has left. */
export const sendAnswer: typeof send = (response, answer) => {
  if (typeof answer.body === "string" && answer.body.includes("signedCertificate")) crashAt("before-answer");
  send(response, answer);
};
