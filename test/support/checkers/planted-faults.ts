// Faults that clients break by, each planted into an answer that has none: the lines of the matrix of real clients, and more
// of what the same clients demand. What a checker has to say of each stands beside it.

import { Problems } from "./problems.ts";
import { readWire, writeWire } from "./wire-frames.ts";

interface LooseCall {
  index?: number;
  function: { name?: string; arguments: unknown };
}

interface LooseChoice {
  index: number;
  delta?: { role?: string; content?: string; tool_calls?: LooseCall[] };
  finish_reason: string | null;
}

interface LooseItem {
  id: string;
  call_id?: string;
}

/** What faults are planted into: the fields of all three protocols, to be changed at will. */
interface Changeable {
  id?: string;
  created?: number;
  choices?: LooseChoice[];
  usage?: unknown;
  type?: string;
  index?: number;
  message?: { usage?: unknown };
  delta?: { type?: string; stop_reason?: string; partial_json?: string };
  sequence_number?: number;
  item_id?: string;
  item?: LooseItem;
  response?: { output: LooseItem[]; usage: unknown };
}

export interface ChangeableFrame {
  event: string | undefined;
  /** Undefined: `[DONE]`. */
  json: Changeable | undefined;
}

export interface PlantedFault {
  /** As the matrix names it. */
  readonly name: string;
  readonly plant: (frames: ChangeableFrame[]) => ChangeableFrame[];
  /** A piece of the sentence that names it. */
  readonly found: string;
}

/** @throws when the fault changes nothing: then it would prove nothing */
export function plantFault(body: string, { name, plant }: PlantedFault): string {
  // Of answers that have been checked.
  const frames = readWire(body, new Problems()).map(({ event, json }) => ({
    event,
    json: json as Changeable | undefined,
  }));
  const before = write(frames);
  const after = write(plant(frames));
  if (before === after) throw new Error(`nothing to plant "${name}" into`);
  return after;
}

function write(frames: readonly ChangeableFrame[]): string {
  return writeWire(
    frames.map(({ event, json }) => ({ event, data: json === undefined ? "[DONE]" : JSON.stringify(json) })),
  );
}

/** Every frame changed in its place. */
const each = (change: (json: Changeable) => void) => (frames: ChangeableFrame[]) => {
  for (const { json } of frames) if (json !== undefined) change(json);
  return frames;
};

const without = (test: (json: Changeable) => boolean) => (frames: ChangeableFrame[]) =>
  frames.filter(({ json }) => json === undefined || !test(json));

const callsIn = (json: Changeable): LooseCall[] => json.choices?.[0]?.delta?.tool_calls ?? [];
const isFinish = (json: Changeable): boolean => (json.choices?.[0]?.finish_reason ?? null) !== null;

export const chatFaults: readonly PlantedFault[] = [
  {
    name: "no delta.role",
    plant: each((json) => {
      delete json.choices?.[0]?.delta?.role;
    }),
    found: "no delta.role in the first chunk",
  },
  { name: "no finish_reason", plant: without(isFinish), found: "no finish_reason" },
  {
    name: 'finish "stop" with calls',
    plant: each((json) => {
      if (isFinish(json)) json.choices![0]!.finish_reason = "stop";
    }),
    found: 'finish_reason is "stop" with calls',
  },
  {
    name: "no tool index",
    plant: each((json) => {
      for (const call of callsIn(json)) delete call.index;
    }),
    found: "a piece of a call has no index",
  },
  {
    name: "index always 0",
    plant: each((json) => {
      for (const call of callsIn(json)) call.index = 0;
    }),
    found: "a call is begun twice under one index",
  },
  {
    name: "usage chunk with a choice after finish",
    plant: each((json) => {
      if (json.usage && json.choices?.length === 0) json.choices = [{ index: 0, delta: {}, finish_reason: null }];
    }),
    found: "the usage came with a choice",
  },
  { name: "no usage", plant: without((json) => Boolean(json.usage)), found: "no usage" },
  { name: "no [DONE]", plant: (frames) => frames.filter(({ json }) => json !== undefined), found: "no [DONE]" },
  // Beside the matrix.
  {
    name: "usage twice",
    plant: (frames) => frames.flatMap((frame) => (frame.json?.usage ? [frame, frame] : [frame])),
    found: "the usage came twice",
  },
  {
    name: "name of a call repeated",
    plant: each((json) => {
      for (const call of callsIn(json)) call.function.name = "get_weather";
    }),
    found: "a call is begun twice under one index",
  },
  {
    name: "no arguments",
    plant: each((json) => {
      for (const call of callsIn(json)) call.function.arguments = "";
    }),
    found: 'a call without arguments is "" and not "{}"',
  },
  {
    name: "arguments object in the stream",
    plant: each((json) => {
      for (const call of callsIn(json)) if (call.function.arguments !== "") call.function.arguments = {};
    }),
    found: "the arguments of a call are no text",
  },
  {
    name: "another id in each chunk",
    plant: (frames) =>
      frames.map(({ event, json }, index) => ({
        event,
        json: json === undefined ? undefined : { ...json, id: `chatcmpl-${index}` },
      })),
    found: "chunks of one answer differ in their id",
  },
  {
    name: "milliseconds",
    plant: each((json) => {
      json.created = json.created! * 1000;
    }),
    found: "a chunk was not created at a second",
  },
  {
    name: "words behind the finish",
    plant: (frames) => {
      const words = frames.find(({ json }) => json?.choices?.[0]?.delta?.content);
      return frames.flatMap((frame) => (frame.json && isFinish(frame.json) ? [frame, words!] : [frame]));
    },
    found: "a choice follows the finish",
  },
  {
    name: "something behind [DONE]",
    plant: (frames) => [...frames, frames[0]!],
    found: "something follows [DONE]",
  },
];

const blockOf = (type: string) => (json: Changeable) => json.type === type;

export const messagesFaults: readonly PlantedFault[] = [
  { name: "no message_start", plant: without(blockOf("message_start")), found: "no message_start" },
  {
    name: "index always 0",
    plant: each((json) => {
      if (json.index !== undefined) json.index = 0;
    }),
    found: "the indexes of blocks are not 0, 1, 2",
  },
  {
    name: "end_turn with tool_use",
    plant: each((json) => {
      if (json.type === "message_delta") json.delta!.stop_reason = "end_turn";
    }),
    found: 'stop_reason is "end_turn" with tool_use',
  },
  {
    name: "no event: line",
    plant: (frames) => frames.map(({ json }) => ({ event: undefined, json })),
    found: "no event: line",
  },
  { name: "no content_block_stop", plant: without(blockOf("content_block_stop")), found: "no content_block_stop" },
  { name: "no message_stop", plant: without(blockOf("message_stop")), found: "no message_stop" },
  {
    name: "no usage",
    plant: each((json) => {
      delete json.message?.usage;
      delete json.usage;
    }),
    found: "no usage",
  },
  // Beside the matrix.
  {
    name: "two blocks open at a time",
    plant: (frames) => {
      const stop = frames.findIndex(({ json }) => json?.type === "content_block_stop");
      const [moved] = frames.splice(stop, 1);
      frames.splice(stop + 1, 0, moved!);
      return frames;
    },
    found: "no content_block_stop",
  },
  {
    name: "thoughts without a signature",
    plant: without((json) => json.delta?.type === "signature_delta"),
    found: "thoughts have no signature",
  },
  {
    name: "an empty block of text",
    plant: without((json) => json.delta?.type === "text_delta"),
    found: "a block of text is empty",
  },
  {
    name: "no stop_reason",
    plant: without(blockOf("message_delta")),
    found: "no message_delta with a stop_reason",
  },
  {
    name: "something behind message_stop",
    plant: (frames) => [...frames, frames[0]!],
    found: "something follows the end",
  },
  {
    name: "broken input",
    plant: each((json) => {
      if (json.delta?.partial_json) json.delta.partial_json = json.delta.partial_json.slice(1);
    }),
    found: "an input is no object",
  },
];

const typed = (...types: string[]) => without(({ type }) => types.includes(String(type)));

export const responsesFaults: readonly PlantedFault[] = [
  {
    name: "no sequence_number",
    plant: each((json) => {
      delete json.sequence_number;
    }),
    found: "no sequence_number",
  },
  {
    name: "no event: line",
    plant: (frames) => frames.map(({ json }) => ({ event: undefined, json })),
    found: "no event: line",
  },
  {
    name: "wrong item_id",
    plant: each((json) => {
      if (json.item_id !== undefined) json.item_id = "msg_other";
    }),
    found: "an item_id is not that of the open item",
  },
  {
    name: "no content_part",
    plant: typed("response.content_part.added"),
    found: "no response.content_part.added",
  },
  {
    name: "no output_item.done",
    plant: typed("response.output_item.done"),
    found: "no response.output_item.done",
  },
  { name: "no completed", plant: typed("response.completed"), found: "no response.completed" },
  {
    name: "no call_id",
    plant: each((json) => {
      delete json.item?.call_id;
      for (const item of json.response?.output ?? []) delete item.call_id;
    }),
    found: "no call_id",
  },
  {
    name: "no usage",
    plant: each((json) => {
      if (json.type === "response.completed") json.response!.usage = null;
    }),
    found: "no usage",
  },
  // Beside the matrix.
  { name: "no created", plant: typed("response.created"), found: "no response.created" },
  {
    name: "no output in completed",
    plant: each((json) => {
      if (json.type === "response.completed") json.response!.output = [];
    }),
    found: "the output of the last event is not what was done before",
  },
  {
    name: "the call_id for an id",
    plant: each((json) => {
      const items = [...(json.item === undefined ? [] : [json.item]), ...(json.response?.output ?? [])];
      for (const item of items) if (item.call_id !== undefined) item.call_id = item.id;
    }),
    found: "the call_id is the id",
  },
  {
    name: "no arguments.done",
    plant: typed("response.function_call_arguments.done"),
    found: "an item is done before its text is",
  },
  {
    name: "no delta of words",
    plant: typed("response.output_text.delta"),
    found: "what is done is not what the deltas said",
  },
];

export interface ChangeableAnswer {
  choices: [{ message: { tool_calls: LooseCall[] }; finish_reason: string }];
  usage?: unknown;
}

/** Faults of whole answers: their one frame is the body. */
export interface PlantedAnswerFault {
  readonly name: string;
  readonly plant: (answer: ChangeableAnswer) => void;
  readonly found: string;
}

export const chatAnswerFaults: readonly PlantedAnswerFault[] = [
  {
    name: "arguments object",
    plant(answer) {
      for (const call of answer.choices[0].message.tool_calls) {
        call.function.arguments = JSON.parse(String(call.function.arguments));
      }
    },
    found: "the arguments of a call are no text",
  },
  { name: "no usage", plant: (answer) => void delete answer.usage, found: "no usage" },
  {
    name: 'finish "stop" with calls',
    plant(answer) {
      answer.choices[0].finish_reason = "stop";
    },
    found: 'finish_reason is "stop" with calls',
  },
];
