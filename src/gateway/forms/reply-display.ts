// How a client wants to see its reply: as the request says, else as the operator has set it.

import type { ReplyDisplay } from "../../contract/answer-format.ts";
import type { ChatRequest } from "../../contract/chat-request.ts";
import { GatewayError } from "../../contract/gateway-error.ts";

export const plainDisplay: ReplyDisplay = { thoughts: "field", wrapsAnswer: false };

const thoughtsHeader = "x-reasoning-display";
const wrapHeader = "x-wrap-answer";

const thoughts = { field: "field", tags: "tags", hidden: "hidden" } as const;
const wrappings = { off: false, attempt_completion: true } as const;

/**
 * Fields of the body go before headers, headers before the setting.
 * @returns undefined: as the protocol has it, so that nothing has to be done
 * @throws {GatewayError} `invalid-request` that names the header
 */
export function replyDisplay(
  headers: Headers,
  { reasoning }: ChatRequest,
  setting: ReplyDisplay,
): ReplyDisplay | undefined {
  const shown = reasoning.shown ?? choiceIn(headers, thoughtsHeader, thoughts) ?? setting.thoughts;
  const wrapsAnswer = choiceIn(headers, wrapHeader, wrappings) ?? setting.wrapsAnswer;
  return shown === "field" && !wrapsAnswer ? undefined : { thoughts: shown, wrapsAnswer };
}

function choiceIn<Value>(headers: Headers, name: string, choices: Readonly<Record<string, Value>>): Value | undefined {
  const said = headers.get(name)?.trim().toLowerCase();
  if (said === undefined || said === "") return undefined;
  if (Object.hasOwn(choices, said)) return choices[said];
  throw new GatewayError(
    "invalid-request",
    `Invalid request: the header "${name}" must be one of ${Object.keys(choices).join(", ")}`,
    { param: name },
  );
}
