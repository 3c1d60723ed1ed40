// Stop strings that a server is not told, since it would look for them in thoughts as well: the answer is cut here.

import type { ChatRequest } from "../../../contract/chat-request.ts";
import type { BodyOptions } from "./encode-messages.ts";
import { knownModel } from "../servers/known-models.ts";
import { sameProtocol } from "./request-body.ts";
import { thinkingOf } from "./thinking.ts";

/** More, or longer ones together, would take too long where each event is searched for each of them. */
const mostStops = 100;
const mostStopChars = 10_000;

/** Undefined: there are none, or the server looks for them itself. */
export function keptStops(
  request: ChatRequest,
  { dialect, model }: Pick<BodyOptions, "dialect" | "model">,
): readonly string[] | undefined {
  // Text completions show no thoughts, and all that steers them goes along.
  if (!dialect.reply.stopsInThoughts || request.surface !== sameProtocol) return undefined;
  const thinks = thinkingOf(request) ?? knownModel(model)?.thinksByDefault === true;
  if (!thinks) return undefined;
  const { stop, include_stop_str_in_output: isShown } = request.body;
  // vLLM alone can leave it in the answer, and a translated one has no place for probabilities.
  if (isShown === true || request.wantsProbabilities === true) return undefined;
  const stops: readonly unknown[] = Array.isArray(stop) ? stop : [stop];
  // What is no string is for the server to refuse.
  if (stops.length === 0 || stops.length > mostStops || !stops.every(isStop)) return undefined;
  return stops.reduce((sum, { length }) => sum + length, 0) <= mostStopChars ? stops : undefined;
}

function isStop(stop: unknown): stop is string {
  return typeof stop === "string" && stop !== "";
}
