// POST /v1/chat/completions: the request is judged, the reply composed, and then streamed or sent whole.

import { isJsonObject } from "../../contract/json.ts";
import { createUuid } from "../random.ts";
import type { ReplyStep } from "../reply-steps.ts";
import { waitFor } from "../gates.ts";
import { type Call, refuseProblem } from "./call.ts";
import type { Frame } from "./chunk-form.ts";
import { chunkSteps, createTally, type ChunkContext } from "./chunk-steps.ts";
import { composeReply, keepNewest, withoutParts } from "./compose-reply.ts";
import type { Problem } from "./dialect.ts";
import { type CompatibleState, contextOf } from "./emulator-state.ts";
import { noteOddities } from "./note-oddities.ts";
import { withQuirks } from "./quirks.ts";
import { type ChatRequest, countMessages, type Message, readRequest } from "./read-request.ts";
import { replyPieces } from "./reply-pieces.ts";
import { streamReply } from "./stream-reply.ts";
import { answerWhole } from "./whole-answer.ts";
import type { Quirk } from "./script.ts";

export async function chatCompletions(call: Call, state: CompatibleState, leave: AbortSignal): Promise<Response> {
  const { dialect, cards } = state;
  const request = readRequest(isJsonObject(call.body) ? call.body : {}, (model) =>
    dialect.servesAnyName ? cards[0] : cards.find((card) => card.id === model),
  );
  const problem = findProblem(call, request, state);
  if (problem !== undefined) {
    // The scripted reply waits for a request that is accepted.
    if (call.script !== undefined) state.scripts.giveBack(call.script);
    return refuseProblem(call, state, problem, request.isStream);
  }
  noteOddities(call.record.notes, request, dialect);
  const scripted = call.script?.reply;
  if (scripted?.raw !== undefined && !request.isStream) {
    const headers = { "content-type": scripted.contentType ?? "application/json", ...scripted.headers };
    return new Response(scripted.raw, { headers });
  }
  const { context, pieces } = startReply(call, request, state);
  if (!request.isStream || context.quirks.has("json-answer")) {
    await waitFor(scripted?.firstDelayMs ?? 0, leave);
    return answerWhole(call, state, { pieces, context, leave });
  }
  const steps = scripted?.raw === undefined ? chunkSteps(pieces, context) : rawSteps(scripted.raw);
  return streamReply(call, state, { steps, context, leave });
}

function findProblem(call: Call, request: ChatRequest, state: CompatibleState): Problem | undefined {
  if (!isJsonObject(call.body)) return { name: "invalid-parameter", message: "The request body is not valid JSON" };
  const card = request.card ?? state.cards[0];
  const contextTokens = card === undefined ? Number.POSITIVE_INFINITY : contextOf(card, state);
  for (const check of state.dialect.checks) {
    const problem = check(request, { variant: call.variant, contextTokens });
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function startReply(call: Call, request: ChatRequest, state: CompatibleState) {
  const { dialect } = state;
  const scripted = call.script?.reply;
  const newHex = (name: string) => createUuid(state.idSource, call.record.ordinal, name).replaceAll("-", "");
  const thinks = dialect.thinks(request);
  const messages = seenMessages(call, request, state);
  const reply = composeReply({ dialect, request, messages, thinks, scripted, seed: state.seed, newHex });
  const form = dialect.form(call.variant);
  const quirks = new Set<Quirk>([
    ...dialect.quirks(call.variant),
    ...(state.options.quirks ?? []),
    ...(scripted?.quirks ?? []),
  ]);
  const frame: Frame = {
    id: dialect.newReplyId(newHex("reply")),
    model: request.model === "" ? (request.card?.id ?? "") : request.model,
    // Thoughts that a script orders are thoughts.
    thinks: thinks || reply.reasoning.length > 0,
    nowSeconds: () => Math.floor(state.clock() / 1000),
  };
  const promptTokens = request.promptTokens - lost(request, messages);
  const cachedTokens = scripted?.usage?.cachedTokens ?? 0;
  const context: ChunkContext = {
    form,
    frame,
    quirks,
    asksForUsage: request.asksForUsage,
    tally: createTally(promptTokens, cachedTokens, scripted?.usage),
  };
  const forcedFinish = typeof request.toolChoice === "string" ? "tool_calls" : dialect.namedFinish;
  // Some write a gap for nothing where calls are left as text.
  const isText =
    quirks.has("calls-as-json-text") || quirks.has("calls-as-xml-text") || quirks.has("calls-in-reasoning");
  const cut = isText && reply.calls.length > 0 ? { ...form, gapAfterThoughts: "" } : form;
  return { context, pieces: withQuirks(replyPieces(reply, cut, forcedFinish), quirks) };
}

/** What the model sees of the history. */
function seenMessages(call: Call, request: ChatRequest, state: CompatibleState): readonly Message[] {
  const { dialect } = state;
  const { card, messages, tools } = request;
  if (dialect.losesForeignParts && card?.isForeign === true && /^glm-/.test(card.id) && tools.length === 0) {
    if (messages.some(({ content }) => Array.isArray(content))) call.record.notes.push("parts of content were lost");
    return withoutParts(messages);
  }
  if (!dialect.truncatesSilently || card === undefined) return messages;
  const kept = keepNewest(messages, contextOf(card, state));
  if (kept.length < messages.length)
    call.record.notes.push(`prompt cut: ${messages.length - kept.length} messages left out`);
  return kept;
}

function lost(request: ChatRequest, seen: readonly Message[]): number {
  return countMessages(request.messages) - countMessages(seen);
}

/** Events as they are, the last one being the finish. */
function* rawSteps(raw: string): Generator<ReplyStep> {
  const events = raw.split(/(?<=\n\r?\n)/).filter((text) => text !== "");
  for (const [index, text] of events.entries()) {
    yield { type: "event", text, isFinish: index === events.length - 1 };
  }
}
