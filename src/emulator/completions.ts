// POST /api/v2/chat/completions: one turn of a chat, streamed or as one JSON answer.

import { type Call, refuseCall } from "./call.ts";
import { nodeText } from "./chat-tree.ts";
import { createCompressor } from "./compressor.ts";
import type { EmulatorState } from "./emulator-state.ts";
import { answerHeaders, successEnvelope } from "./envelope.ts";
import { type RunningReply, startReply } from "./running-reply.ts";
import { keepAliveEvent } from "./stream-events.ts";
import { createStreamWriter } from "./stream-writer.ts";
import { startVideoTask } from "./tasks.ts";
import { isProblem, parseTurn } from "./turn-request.ts";

export function completions(call: Call, state: EmulatorState): Response {
  const { options, chats } = state;
  if (options.currentVersion !== undefined && call.request.headers.get("version") === null) {
    return refuseCall(call, "bad-request-flat", { details: "Invalid request header" });
  }
  const turn = parseTurn(call.body, {
    queryChatId: call.url.searchParams.get("chat_id"),
    contentType: call.request.headers.get("content-type") ?? "",
    modelIds: options.models,
    findChat: (chatId) => chats.find(call.caller.account, chatId),
    isBusy: (chat) => chat.running !== undefined || options.clock() < chat.busyUntilMs,
  });
  if (isProblem(turn)) {
    // The scripted reply waits for a turn that is accepted.
    if (call.script !== undefined) state.scripts.giveBack(call.script);
    return refuseCall(call, turn.name, turn.details === undefined ? {} : { details: turn.details });
  }
  const reply = startReply(call, state, turn, call.script?.reply);
  if (turn.chatType === "t2v" && !turn.stream) return startVideoTask(call, state, reply);
  return turn.stream ? streamReply(call, state, reply) : collectReply(call, reply);
}

function streamReply(call: Call, state: EmulatorState, reply: RunningReply): Response {
  const { chat, assistant, frame, scripted } = reply;
  const encoding = state.options.compress ? scripted?.encoding : undefined;
  const writer = createStreamWriter({
    steps: reply.steps,
    gates: state.gates,
    gate: call.script?.gate,
    paceMs: scripted?.paceMs ?? state.options.tokenDelayMs,
    splitBytes: scripted?.splitBytes,
    joinEvents: scripted?.joinEvents === true,
    compressor: encoding === undefined ? undefined : createCompressor(encoding),
    keepAlive: () => keepAliveEvent(frame),
    resetError: state.options.resetError,
    signal: call.request.signal,
    onEvent(step) {
      call.record.eventsDelivered++;
      reply.store(step.stores);
      if (step.isFinish === true) reply.finish();
      state.log.touch();
    },
    onEnd: reply.end,
  });
  chat.running = { responseId: assistant.id, stop: writer.stop };
  const headers = answerHeaders(call.requestId, 200, "text/event-stream; charset=utf-8");
  if (encoding !== undefined) headers.set("content-encoding", encoding);
  return new Response(writer.body, { headers });
}

/** `stream: false`, as captured in 2025-10: no usage, no finish reason, an empty `chat_id`. */
function collectReply(call: Call, reply: RunningReply): Response {
  const { chat, user, assistant } = reply;
  chat.running = { responseId: assistant.id, stop: () => reply.end("stopped") };
  for (let next = reply.steps.next(); !next.done && next.value.type === "event"; next = reply.steps.next()) {
    reply.store(next.value.stores);
    if (next.value.isFinish === true) reply.finish();
  }
  reply.end(assistant.complete ? "complete" : "cut");
  if (!assistant.complete) return refuseCall(call, "internal-error");
  return successEnvelope(call.requestId, {
    chat_id: "",
    parent_id: user.id,
    message_id: assistant.id,
    messages: null,
    choices: [{ message: { role: "assistant", content: nodeText(assistant) } }],
  });
}
