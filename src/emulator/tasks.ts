// Video jobs: a turn that answers with a task, and the task that is running once and then done.

import { type Call, refuseCall } from "./call.ts";
import { jsonAnswer, successEnvelope } from "./envelope.ts";
import type { EmulatorState } from "./emulator-state.ts";
import { createUuid } from "./random.ts";
import type { RunningReply } from "./running-reply.ts";

/** As captured: the turn ends at once, the film comes by polling. */
export function startVideoTask(call: Call, state: EmulatorState, reply: RunningReply): Response {
  const taskId = createUuid(state.idSource, reply.assistant.id, "task");
  state.tasks.set(taskId, { polls: 0 });
  reply.finish();
  reply.end("complete");
  const message = { role: "assistant", content: "", extra: { wanx: { task_id: taskId } }, done: false, size: "16:9" };
  return successEnvelope(call.requestId, {
    chat_id: reply.chat.id,
    parent_id: reply.user.id,
    message_id: reply.assistant.id,
    messages: [message],
  });
}

/** The v2 address answers in the envelope, the older v1 address flat. */
export function taskStatus(call: Call, state: EmulatorState): Response {
  const taskId = call.path.slice(call.path.lastIndexOf("/") + 1);
  const task = state.tasks.get(taskId);
  if (task === undefined) return refuseCall(call, "not-found", { details: "Task not found" });
  const isDone = task.polls++ > 0;
  const status = {
    task_status: isDone ? "success" : "running",
    content: isDone ? `https://cdn.example.invalid/output/emulator/t2v/${taskId}.mp4?key=EMULATED` : "",
  };
  if (call.path.startsWith("/api/v1/")) return jsonAnswer(call.requestId, status);
  return successEnvelope(call.requestId, {
    chat_type: "t2v",
    ...status,
    message: "",
    remaining_time: "",
    sub_chat_type: null,
    duration: null,
  });
}
