// A turn that was accepted: its nodes, its steps, and what the chat keeps of it however it ends.

import type { Call } from "./call.ts";
import { addTurn, type Chat, type ChatNode, nodeText, pathTo } from "./chat-tree.ts";
import { composeReply } from "./compose-reply.ts";
import type { Utterance } from "./dialogue.ts";
import type { EmulatorState } from "./emulator-state.ts";
import { withFaults } from "./faults.ts";
import { areSoundFiles, describeFile } from "./files.ts";
import { createUuid } from "./random.ts";
import { recordedIds, recordingSteps } from "./recording-steps.ts";
import { replySteps, type ReplyStep, type StoredPiece } from "./reply-steps.ts";
import type { ScriptedReply, StreamFault } from "./script.ts";
import { type EventFrame, summaryExtra } from "./stream-events.ts";
import type { StreamEnd } from "./stream-writer.ts";
import { featureConfigJson, type TurnRequest } from "./turn-request.ts";

/** A turn that has its nodes and its steps, but of which nothing was sent yet. */
export interface RunningReply {
  readonly chat: Chat;
  readonly user: ChatNode;
  readonly assistant: ChatNode;
  readonly frame: EventFrame;
  readonly steps: Iterator<ReplyStep>;
  readonly scripted: ScriptedReply | undefined;
  /** What a delivered event adds to the stored chat. */
  store(piece: StoredPiece | undefined): void;
  /** The final event was delivered: the node is whole and the chat settles. */
  finish(): void;
  /** The reply is over; without a finish before, the node stays incomplete. */
  end(end: StreamEnd): void;
}

export function startReply(
  call: Call,
  state: EmulatorState,
  turn: TurnRequest,
  scripted: ScriptedReply | undefined,
): RunningReply {
  const { options } = state;
  const { chat } = turn;
  const path = pathTo(chat, turn.parentId).map(utteranceOf);
  const fileText = turn.files
    .map(({ id }) => state.files.textOf(id))
    .filter((text) => text !== "")
    .join("\n\n");
  const { user, assistant } = addTurn(chat, state.idSource, {
    parentId: turn.parentId,
    content: turn.content,
    fileText,
    model: turn.model,
    featureConfig: featureConfigJson(turn),
    nowMs: options.clock(),
    ...(scripted?.raw === undefined ? {} : { ids: recordedIds(scripted.raw) }),
  });
  call.record.turn = { chatId: chat.id, userId: user.id, responseId: assistant.id };

  const frame: EventFrame = {
    chatId: chat.id,
    userId: user.id,
    responseId: assistant.id,
    responseIndex: 0,
    withPhase: turn.featureConfig["output_schema"] === "phase",
    legacy: scripted?.legacyEvents === true,
    nowSeconds: () => Math.floor(options.clock() / 1000),
  };
  const message = nodeText(user);
  const fileNames = turn.files.map((file) => describeFile(file, state));
  const reply = composeReply({
    seed: options.seed,
    turn,
    path,
    message,
    fileNames,
    responseId: assistant.id,
    scripted,
  });
  const plain = scripted?.raw === undefined ? replySteps(reply, frame) : recordingSteps(scripted.raw);
  const otherResponseId = createUuid(state.idSource, assistant.id, "other");
  const faults = [...(scripted?.faults ?? []), ...faultsOfFiles(turn, call.caller.account, state)];
  const steps = withFaults(plain, faults, { frame, otherResponseId });

  const release = () => {
    if (chat.running?.responseId === assistant.id) {
      chat.running = undefined;
      chat.busyUntilMs = options.clock() + options.busyMs;
    }
  };
  return {
    chat,
    user,
    assistant,
    frame,
    steps,
    scripted,
    store: (piece) => store(assistant, piece, frame),
    finish() {
      for (const entry of assistant.contentList) entry.status = "finished";
      assistant.complete = true;
      call.record.finished = true;
      release();
    },
    end(end) {
      if (end === "cut" && scripted?.stored === "complete" && !assistant.complete) {
        assistant.contentList.length = 0;
        for (const step of replySteps(reply, frame)) if (step.type === "event") store(assistant, step.stores, frame);
        for (const entry of assistant.contentList) entry.status = "finished";
        assistant.complete = true;
      }
      call.record.aborted = end === "aborted";
      call.record.endedAtMs = options.clock();
      release();
      // A stop call leaves nothing to settle.
      if (end === "stopped") chat.busyUntilMs = 0;
      state.log.touch();
    },
  };
}

/** A file that was never put, is of another kind than was said, or was not read is told behind `response.created`. */
function faultsOfFiles({ files }: TurnRequest, account: string, state: EmulatorState): StreamFault[] {
  if (areSoundFiles(files, account, state)) return [];
  const details = "Invalid input or attachment. Please check and try again.";
  return [{ kind: "error", code: "invalid_input", details }];
}

function store(node: ChatNode, piece: StoredPiece | undefined, frame: EventFrame): void {
  if (piece === undefined) return;
  let entry = node.contentList.find((candidate) => candidate.phase === piece.phase);
  if (entry === undefined) {
    entry = { phase: piece.phase, content: "", status: "typing", timestamp: frame.nowSeconds() };
    node.contentList.push(entry);
  }
  entry.content += piece.text;
  if (piece.thoughts !== undefined) entry.extra = summaryExtra(piece.thoughts);
}

function utteranceOf(node: ChatNode): Utterance {
  return { role: node.role, text: nodeText(node) };
}
