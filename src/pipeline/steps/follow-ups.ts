// The step that thinks of questions that may follow: one short call beside the conversation, with a time limit.

import { toGatewayError } from "../../contract/gateway-error.ts";
import { isJsonObject } from "../../contract/json.ts";
import { beginningOf } from "../../contract/excerpt.ts";
import { readJson } from "../read-json.ts";
import type { Step } from "../step.ts";

export interface FollowUpsOptions {
  /** Most questions. @defaultValue 3 */
  readonly count?: number;
  /** @defaultValue 10_000 */
  readonly timeoutMs?: number;
}

const maxQuestionChars = 200;
const maxPromptChars = 3000;

/** What fails here costs the questions only. */
export function followUps({ count = 3, timeoutMs = 10_000 }: FollowUpsOptions = {}): Step {
  const system = `Suggest ${count} short questions that the user may ask next, in the user's language. Answer with a JSON array of ${count} strings and nothing else.`;
  return {
    name: "follow_ups",
    async *run(context) {
      const { message, state, options, signal, log } = context;
      if (options.follow_ups === false || state.answer.trim() === "") return;
      yield { stage: "follow_ups" };
      const prompt = `User: ${beginningOf(message, maxPromptChars)}\n\nAssistant: ${beginningOf(state.answer, maxPromptChars)}`;
      try {
        const questions = readQuestions(await context.ask({ system, prompt, maxTokens: 300, timeoutMs }), count);
        if (questions.length > 0) yield { follow_up_questions: questions };
      } catch (error) {
        if (signal.aborted) throw error;
        log.info("Cannot think of questions that may follow", { reason: toGatewayError(error).message });
      }
    },
  };
}

/** An array, an object that holds one, or lines: models keep to a form more or less. */
export function readQuestions(answer: string, count: number): string[] {
  const value = readJson(answer);
  const list = Array.isArray(value)
    ? value
    : isJsonObject(value)
      ? Object.values(value).find(Array.isArray)
      : undefined;
  const found: readonly unknown[] = list ?? answer.split("\n").filter((line) => /[?？؟]\s*$/.test(line));
  const questions = found
    .map((one) => questionOf(one).replaceAll(/\s+/g, " ").replace(listMark, "").trim())
    .filter((question) => question !== "" && question.length <= maxQuestionChars);
  return [...new Set(questions)].slice(0, count);
}

/** A dash, a dot, or a number that does not go on. */
const listMark = /^ ?(?:[-*•]|\d+[.)、](?!\d)) ?/;

/** Some wrap each into an object. */
function questionOf(value: unknown): string {
  const text = isJsonObject(value) ? Object.values(value).find((part) => typeof part === "string") : value;
  return typeof text === "string" ? text : "";
}
