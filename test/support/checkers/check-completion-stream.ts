// A stream of POST /v1/completions: pieces of text, one finish, the usage where it was asked for, `[DONE]`.

import { mustBeOpenAIError } from "./check-errors.ts";
import { mustBeUsage } from "./chat-parts.ts";
import { at, isText, isUnixSeconds, listAt, Problems } from "./problems.ts";
import { beforeDone, readWire } from "./wire-frames.ts";

/** @returns what is wrong with it */
export function checkCompletionStream(body: string, { includeUsage }: { readonly includeUsage: boolean }): string[] {
  const problems = new Problems();
  const chunks = beforeDone(readWire(body, problems), problems).map(({ json }) => json);
  const error = chunks.findIndex((chunk) => at(chunk, "error") !== undefined);
  const told = error < 0 ? chunks : chunks.slice(0, error);
  mustHaveEnvelope(told, problems);
  const finishes = told.flatMap((chunk) => listAt(chunk, "choices").map((choice) => at(choice, "finish_reason")));
  const finish = finishes.findIndex((reason) => reason !== null);
  if (error >= 0) {
    mustBeOpenAIError(chunks[error], problems);
    problems.must(error === chunks.length - 1, "something other than [DONE] follows the error");
    problems.must(finish < 0, "an error follows the finish");
    return problems.found;
  }
  problems.must(finish >= 0, "no finish_reason");
  problems.must(finish < 0 || finish === finishes.length - 1, "a choice follows the finish");
  problems.must(["stop", "length", "content_filter"].includes(String(finishes[finish])), "finish_reason is unknown");
  const usages = told.filter((chunk) => at(chunk, "usage") !== undefined);
  problems.must(usages.length === (includeUsage ? 1 : 0), includeUsage ? "no usage" : "a usage that nobody asked for");
  for (const chunk of usages) {
    mustBeUsage(at(chunk, "usage"), problems);
    problems.must(chunk === told.at(-1) && listAt(chunk, "choices").length === 0, "the usage is not the last chunk");
  }
  return problems.found;
}

function mustHaveEnvelope(chunks: readonly unknown[], problems: Problems): void {
  for (const chunk of chunks) {
    problems.must(isText(at(chunk, "id")), "a chunk has no id");
    problems.must(at(chunk, "id") === at(chunks[0], "id"), "chunks of one answer differ in their id");
    problems.must(at(chunk, "object") === "text_completion", "a chunk has not its object");
    problems.must(isUnixSeconds(at(chunk, "created")), "a chunk was not created at a second");
    problems.must(isText(at(chunk, "model")), "a chunk has no model");
    for (const choice of listAt(chunk, "choices")) {
      problems.must(at(choice, "index") === 0, "a choice has not the index 0");
      problems.must(typeof at(choice, "text") === "string", "a choice has no text");
      problems.must(at(choice, "logprobs") === null, "a choice has no logprobs");
    }
  }
}
