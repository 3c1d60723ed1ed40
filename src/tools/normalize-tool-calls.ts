// Structured calls as servers stream them, put in order: ids that are "" or come late, indexes that repeat or are missing,
// names told again, arguments as an object or the whole of them again. Says only what the server said.

import type { ToolDefinition } from "../contract/chat-request.ts";
import type { UpstreamEvent } from "../contract/events.ts";
import { isJsonObject, type JsonObject } from "../contract/json.ts";
import { createCallId } from "./call-id.ts";
import { type DeclaredTools, declareTools } from "./declared-tools.ts";
import { JsonBoundary } from "./json-boundary.ts";
import { isJson } from "./json-spans.ts";
import { repairArguments } from "./repair-arguments.ts";
import type { ToolWarning, ToolWarningKind } from "./tool-warning.ts";

export interface NormalizeOptions {
  /** The declared tools. Without them arguments cannot be repaired. */
  readonly tools?: readonly ToolDefinition[];
  /**
   * - `stream`: arguments are passed on as they come
   * - `repair`: they wait until they are whole, and are made to fit the tool's schema
   * @defaultValue "stream"
   */
  readonly arguments?: "stream" | "repair";
  /** Names a call that has no id. @defaultValue `call_` and 24 random signs */
  readonly createCallId?: () => string;
  readonly onWarning?: (warning: ToolWarning) => void;
  /** Longest arguments that wait for their end, in UTF-16 units. Beyond it they are passed on. @defaultValue 1_048_576 */
  readonly maxHeldLength?: number;
}

export interface ToolCallNormalizer {
  /** Calls that have been told. */
  readonly callCount: number;
  /** `delta.tool_calls` of one chunk as it came, unchecked: null and missing say nothing. */
  accept(toolCalls: unknown, emit: (event: UpstreamEvent) => void): void;
  /**
   * The reply is over: tells what waited. Call it before `reply-end`.
   * @returns whether arguments broke off: a finish reason of "stop" or "tool_calls" is then really "length"
   */
  end(emit: (event: UpstreamEvent) => void): { readonly isCutOff: boolean };
}

type Emit = (event: UpstreamEvent) => void;

/** One call as it grows. */
interface Slot {
  /** As the server names it; "" until it does. */
  serverId: string;
  callId: string;
  toolName: string;
  isTold: boolean;
  argumentsText: string;
  /** How much of the arguments has been told. */
  toldLength: number;
  readonly boundary: JsonBoundary;
  isRepaired: boolean;
}

/** One call's news in a chunk, checked. */
interface Fragment {
  readonly index: number | undefined;
  readonly id: string;
  readonly name: string;
  readonly argumentsText: string;
}

const defaultMaxHeldLength = 1_048_576;

export function normalizeToolCalls(options: NormalizeOptions = {}): ToolCallNormalizer {
  return new Normalizer(options);
}

class Normalizer implements ToolCallNormalizer {
  readonly #options: NormalizeOptions;
  readonly #tools: DeclaredTools;
  readonly #slots: Slot[] = [];
  readonly #byIndex = new Map<number, Slot>();
  #emit: Emit = () => {};

  constructor(options: NormalizeOptions) {
    this.#options = options;
    this.#tools = declareTools(options.tools ?? []);
  }

  get callCount(): number {
    return this.#slots.filter((slot) => slot.isTold).length;
  }

  accept(toolCalls: unknown, emit: Emit): void {
    this.#emit = emit;
    const items: readonly unknown[] = Array.isArray(toolCalls) ? toolCalls : [toolCalls];
    for (const item of items) if (isJsonObject(item)) this.#acceptFragment(parseFragment(item));
  }

  end(emit: Emit): { readonly isCutOff: boolean } {
    this.#emit = emit;
    let isCutOff = false;
    for (const slot of this.#slots) {
      if (!slot.isTold) {
        this.#warn("call-without-name", undefined);
        continue;
      }
      // No arguments are an empty object: clients parse them.
      if (slot.argumentsText.trim() === "") this.#tellArguments(slot, "{}");
      else {
        isCutOff ||= !isJson(slot.argumentsText);
        this.#tellRest(slot);
      }
    }
    return { isCutOff };
  }

  #acceptFragment(fragment: Fragment): void {
    const slot = this.#slotFor(fragment);
    slot.serverId ||= fragment.id;
    if (!slot.isTold && fragment.name !== "") this.#tellCall(slot, fragment.name);
    this.#append(slot, fragment.argumentsText);
    if (slot.isTold) this.#tellNews(slot);
  }

  /** The call that a fragment belongs to; a new one where it belongs to none. */
  #slotFor(fragment: Fragment): Slot {
    const { index, id, name } = fragment;
    const byId = id === "" ? undefined : this.#slots.find((slot) => slot.serverId === id);
    if (byId !== undefined) return byId;
    const slot = index === undefined ? this.#slotWithoutIndex(id, name) : this.#byIndex.get(index);
    if (slot !== undefined && !beginsNext(slot, fragment)) return slot;
    const next: Slot = {
      serverId: id,
      callId: "",
      toolName: "",
      isTold: false,
      argumentsText: "",
      toldLength: 0,
      boundary: new JsonBoundary(),
      isRepaired: false,
    };
    this.#slots.push(next);
    if (index !== undefined) this.#byIndex.set(index, next);
    return next;
  }

  #slotWithoutIndex(id: string, name: string): Slot | undefined {
    const last = this.#slots.at(-1);
    // A name or an id of its own begins a call, unless the call before still lacks it.
    if (name !== "" && last?.isTold === true && name !== last.toolName) return undefined;
    return id !== "" && last?.serverId !== "" ? undefined : last;
  }

  #tellCall(slot: Slot, name: string): void {
    const named = this.#tools.find(name);
    if (named?.isRepaired === true) this.#warn("name-repaired", named.tool.name);
    slot.toolName = named?.tool.name ?? name;
    // An id that comes later is the server's own affair: the client knows this one.
    slot.callId = slot.serverId || (this.#options.createCallId?.() ?? createCallId());
    slot.isTold = true;
    this.#emit({ type: "tool-call-start", callId: slot.callId, toolName: slot.toolName });
  }

  #append(slot: Slot, piece: string): void {
    const known = slot.argumentsText;
    // The whole of it so far, again: DashScope does so at times. No object continues with its own beginning.
    const isSnapshot = known.trim() !== "" && piece.startsWith(known);
    const news = isSnapshot ? piece.slice(known.length) : piece;
    let at = 0;
    // What is no JSON has no end that could be known.
    while (at < news.length && (slot.boundary.state === "open" || slot.boundary.state === "doubtful")) {
      at = slot.boundary.read(news, at);
    }
    if (slot.boundary.state !== "closed") {
      slot.argumentsText += news;
      return;
    }
    slot.argumentsText += news.slice(0, at);
    if (news.slice(at).trim() !== "") this.#warn("arguments-after-end", slot.toolName);
  }

  #tellNews(slot: Slot): void {
    const mustWait = this.#options.arguments === "repair" && slot.boundary.state !== "closed";
    const isTooLong = slot.argumentsText.length > (this.#options.maxHeldLength ?? defaultMaxHeldLength);
    if (!mustWait || isTooLong) this.#tellRest(slot);
  }

  #tellRest(slot: Slot): void {
    if (slot.isRepaired || slot.toldLength === slot.argumentsText.length) return;
    const rest = slot.argumentsText.slice(slot.toldLength);
    const tool = this.#tools.find(slot.toolName)?.tool;
    if (this.#options.arguments !== "repair" || slot.toldLength > 0 || tool === undefined) {
      this.#tellArguments(slot, rest);
      return;
    }
    const { text, warnings } = repairArguments(rest, tool.parameters);
    for (const kind of warnings) this.#warn(kind, tool.name);
    this.#tellArguments(slot, text);
    slot.isRepaired = slot.boundary.state === "closed";
  }

  #tellArguments(slot: Slot, argumentsText: string): void {
    slot.toldLength = slot.argumentsText.length;
    this.#emit({ type: "tool-call-delta", callId: slot.callId, argumentsText });
  }

  #warn(kind: ToolWarningKind, toolName: string | undefined): void {
    this.#options.onWarning?.({ kind, toolName });
  }
}

/** Whether a fragment at a call's index is another call: servers number all of them 0. */
function beginsNext(slot: Slot, { id, name, argumentsText }: Fragment): boolean {
  // An id that is not known, of a call: without a name it is a server that makes up an id for each piece.
  if (id !== "" && slot.serverId !== "" && name !== "") return true;
  if (name === "" || !slot.isTold) return false;
  if (name !== slot.toolName) return true;
  // The name again and arguments anew, behind arguments that were whole.
  return slot.boundary.state === "closed" && argumentsText !== "" && !argumentsText.startsWith(slot.argumentsText);
}

function parseFragment(item: JsonObject): Fragment {
  const called = isJsonObject(item["function"]) ? item["function"] : item;
  return {
    index: typeof item["index"] === "number" ? item["index"] : undefined,
    id: textOf(item["id"]),
    name: textOf(called["name"]),
    argumentsText: isJsonObject(called["arguments"])
      ? JSON.stringify(called["arguments"])
      : textOf(called["arguments"]),
  };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
