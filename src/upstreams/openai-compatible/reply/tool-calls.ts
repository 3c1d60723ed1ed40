// Calls as servers tell them, piece by piece, to calls as they are meant: one start each, a name, an id of its own, and
// argument text that only grows and fits the tool. Calls that arrive as text are not its business.

import { AnswerRoom } from "../../../contract/answer-too-long.ts";
import type { ToolDefinition } from "../../../contract/chat-request.ts";
import type { UpstreamEvent } from "../../../contract/events.ts";
import { declareTools } from "../../../tools/declared-tools.ts";
import type { ToolWarning } from "../../../tools/tool-warning.ts";
import type { ToolCallPiece } from "../../../wire/openai-compatible.ts";
import { createArgumentText } from "./argument-text.ts";
import { createHeldArguments, type HeldArguments, unheldArguments } from "./held-arguments.ts";

export interface ToolCalls {
  /** One entry of `delta.tool_calls`. */
  accept(piece: ToolCallPiece): void;
  /** No more pieces follow: tells what has waited. @param isComplete the reply ended well */
  settle(isComplete: boolean): void;
  /** Calls that were told. */
  readonly count: number;
  /** The arguments of some call break off in the middle. */
  readonly isCutOff: boolean;
}

export interface ToolCallOptions {
  /** Those that the client offered. */
  readonly tools: readonly ToolDefinition[];
  /** For calls that come without an id. */
  readonly createId: () => string;
  /** Told of what was mended or could not be. */
  readonly onWarning?: (warning: ToolWarning) => void;
  readonly emit: (event: UpstreamEvent) => void;
}

interface Slot {
  /** The server's own; "" as long as it told none. */
  id: string;
  callId: string;
  name: string;
  isTold: boolean;
  /** Its name came once more behind whole arguments, with none of its own: said again, or the head of another call. */
  isNamedAgain: boolean;
  readonly text: ReturnType<typeof createArgumentText>;
  /** Made when the call is told: before, nobody knows its tool. */
  held: HeldArguments;
  /** Arguments that came before the call could be told. */
  waiting: string;
}

export function createToolCalls({ tools, createId, onWarning = ignore, emit }: ToolCallOptions): ToolCalls {
  const toolNames = tools.map((tool) => tool.name);
  const declared = declareTools(tools);
  const slots: Slot[] = [];
  const byIndex = new Map<number, Slot>();
  /** By the server's own ids, the first of each: looking through all for every piece is quadratic. */
  const byId = new Map<string, Slot>();
  const callIds = new Set<string>();
  /** Also of calls that nobody is told of. */
  const room = new AnswerRoom();
  let current: Slot | undefined;

  function open(index: number | undefined, id: string): Slot {
    room.addEntry(id);
    if (current !== undefined) tell(current);
    const callId = id === "" || callIds.has(id) ? createId() : id;
    callIds.add(callId);
    const slot: Slot = {
      id: "",
      callId,
      name: "",
      isTold: false,
      isNamedAgain: false,
      text: createArgumentText(),
      held: unheldArguments,
      waiting: "",
    };
    if (id !== "") identify(slot, id);
    slots.push(slot);
    byIndex.set(index ?? slots.length - 1, slot);
    return slot;
  }

  function identify(slot: Slot, id: string): void {
    slot.id = id;
    if (!byId.has(id)) byId.set(id, slot);
  }

  /** Which call a piece belongs to. Indexes are missing on some servers, all zero on others, and ids come late. */
  function slotOf({ index, id, function: called }: ToolCallPiece): Slot {
    const known = typeof index === "number" ? byIndex.get(index) : current;
    const place = typeof index === "number" ? index : undefined;
    const newId = textOf(id);
    const hasName = textOf(called?.name) !== "";
    const piece = argumentsOf(called?.arguments);
    const sameId = newId === "" ? undefined : byId.get(newId);
    // An id goes on with its call, whatever the index says; with a name it begins one, even if the id is taken.
    if (sameId !== undefined && !hasName) return sameId;
    const isOther = known === undefined || (newId !== "" && known.id !== "" && known.id !== newId);
    const unended = known ?? current;
    if (isOther && !hasName && unended !== undefined && goesOnUnnamed(unended, newId, piece)) return unended;
    if (known === undefined) return open(place, newId);
    if (isOther) {
      // Without an index the id alone says which call goes on.
      return (place === undefined ? sameId : undefined) ?? open(place, newId);
    }
    if (hasName && known.text.isWhole && (newId === "" ? !isRepetition(known, called) : known.id === "")) {
      return open(place, newId);
    }
    const isHead = known.isNamedAgain && piece.trimStart().startsWith("{");
    known.isNamedAgain = known.text.isWhole && piece === "" && (hasName || known.isNamedAgain);
    if (newId === "" && (isHead || startsAnew(known, piece))) {
      // A call of the same tool, whose name alone was told before.
      const next = open(place, "");
      next.name = known.name;
      return next;
    }
    if (known.id === "" && newId !== "") identify(known, newId);
    return known;
  }

  function accept(piece: ToolCallPiece): void {
    const slot = slotOf(piece);
    if (slot !== current && current !== undefined) tell(current);
    current = slot;
    addName(slot, textOf(piece.function?.name));
    const text = slot.text.next(argumentsOf(piece.function?.arguments));
    room.addWords(text.length);
    if (slot.isTold) return say(slot, text);
    slot.waiting += text;
    // A name that is one of the offered ones is whole, and so is one that arguments follow.
    if (slot.waiting !== "" || isWholeName(slot.name, toolNames)) tell(slot);
  }

  /** Names come whole, in pieces, or again with each piece. */
  function addName(slot: Slot, piece: string): void {
    if (piece === "" || slot.isTold || piece === slot.name) return;
    if (isWholeName(slot.name, toolNames)) return;
    room.addWords(piece.length);
    slot.name = piece.startsWith(slot.name) ? piece : slot.name + piece;
  }

  function tell(slot: Slot): void {
    // Without a name nobody could be called: its arguments wait for one.
    if (slot.isTold || slot.name === "") return;
    slot.isTold = true;
    // What the server calls by itself has no schema here.
    const named = declared.find(slot.name);
    if (named?.isRepaired === true) onWarning({ kind: "name-repaired", toolName: named.tool.name });
    if (named !== undefined) slot.held = holdFor(named.tool);
    emit({ type: "tool-call-start", callId: slot.callId, toolName: named?.tool.name ?? slot.name });
    say(slot, slot.waiting);
    slot.waiting = "";
  }

  function holdFor({ name, parameters }: ToolDefinition): HeldArguments {
    return createHeldArguments({
      schema: parameters,
      onWarning: (kind) => onWarning({ kind, toolName: name }),
    });
  }

  function say(slot: Slot, piece: string): void {
    if (piece !== "") tellArguments(slot, slot.held.next(piece, slot.text.isWhole));
  }

  function tellArguments({ callId }: Slot, argumentsText: string): void {
    if (argumentsText !== "") emit({ type: "tool-call-delta", callId, argumentsText });
  }

  return {
    accept,
    settle(isComplete) {
      for (const slot of slots) {
        slot.waiting += slot.text.settle();
        // Clients parse what they were told: no arguments are an empty object.
        if (isComplete && slot.text.said === "") slot.waiting = "{}";
        if (slot.isTold) say(slot, slot.waiting);
        tell(slot);
        slot.waiting = "";
        if (slot.isTold) tellArguments(slot, slot.held.end(isComplete && !slot.text.isCutOff));
        else onWarning({ kind: "call-without-name", toolName: undefined });
      }
    },
    get count() {
      return slots.filter((slot) => slot.name !== "").length;
    },
    get isCutOff() {
      return slots.some((slot) => slot.name !== "" && slot.text.isCutOff);
    },
  };
}

function ignore(): void {}

/**
 * A piece without a name, under an id or an index that nobody has. No call begins with its arguments: while those of the
 * call before are open, they are its own. Ids change with each piece at mlx-openai-server before PR 216 (2026-03) and
 * Poolside (pool#9, 2026-05), indexes count on at Nebius and Cerebras (dirac PR 215, pipecat PR 4688, 2026-06).
 */
function goesOnUnnamed({ text }: Slot, newId: string, piece: string): boolean {
  return piece === "" ? newId === "" : !text.isWhole;
}

/** Other arguments behind whole ones: they cannot belong to the same call. */
function startsAnew({ text }: Slot, piece: string): boolean {
  return piece.startsWith("{") && text.isWhole && !text.said.startsWith(piece) && !piece.startsWith(text.said);
}

/** The same call told once more behind its own end. */
function isRepetition(slot: Slot, called: ToolCallPiece["function"]): boolean {
  return textOf(called?.name) === slot.name && slot.text.said.startsWith(argumentsOf(called?.arguments));
}

/** Offered, and not the beginning of another offered one. */
function isWholeName(name: string, toolNames: readonly string[]): boolean {
  return toolNames.includes(name) && !toolNames.some((other) => other !== name && other.startsWith(name));
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** An object where text should stand is written as text. */
function argumentsOf(value: unknown): string {
  if (typeof value === "string") return value;
  return value === null || value === undefined ? "" : JSON.stringify(value);
}
