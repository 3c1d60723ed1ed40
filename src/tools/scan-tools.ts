// Wraps any upstream's decoder: calls that arrive as text leave as calls, and everything else as it came. Hot.

import type { ToolDefinition } from "../contract/chat-request.ts";
import type { UpstreamEvent } from "../contract/events.ts";
import { jsonText } from "../contract/json.ts";
import { onceFor } from "../contract/once-for.ts";
import type { EventDecoder } from "../contract/upstream.ts";
import { createCallId } from "./call-id.ts";
import type { FoundCall } from "./call-reader.ts";
import { type DeclaredTools, declareTools } from "./declared-tools.ts";
import { MarkupScanner } from "./markup-scanner.ts";
import { isPlainJson } from "./plain-json.ts";
import type { ToolWarning } from "./tool-warning.ts";

export interface ScanOptions {
  /** Names a call that was found. @defaultValue `call_` and 24 random signs */
  readonly createCallId?: () => string;
  /** Told of everything that was mended or could not be, in the order of the reply. */
  readonly onWarning?: (warning: ToolWarning) => void;
  /**
   * Longest text held back because it may be a call, in UTF-16 units. Beyond it the text goes on as text.
   * @defaultValue 1_048_576
   */
  readonly maxHeldLength?: number;
}

type Emit = (event: UpstreamEvent) => void;
type DeltaEvent = Extract<UpstreamEvent, { readonly type: "text-delta" | "reasoning-delta" }>;

const defaultMaxHeldLength = 1_048_576;

/**
 * The decoder itself where no tool is declared. Else a decoder whose text and reasoning are searched for calls of the
 * declared tools: each leaves as one tool-call-start and one tool-call-delta with all its arguments.
 */
export function scanTools(
  decoder: EventDecoder,
  tools: readonly ToolDefinition[],
  options: ScanOptions = {},
): EventDecoder {
  return tools.length === 0 ? decoder : new ToolScan(decoder, declaredTools(tools), options);
}

/** Those of a request: all replies to an agent share them. */
const declaredTools = onceFor(declareTools);

class ToolScan implements EventDecoder {
  readonly #decoder: EventDecoder;
  readonly #options: ScanOptions;
  readonly #text: MarkupScanner;
  readonly #reasoning: MarkupScanner;
  readonly #onEvent: Emit = (event) => this.#accept(event);
  #emit: Emit = () => {};
  #callCount = 0;
  /** The delta that is being read, and what is to be said of it. */
  #delta: DeltaEvent | undefined;
  #deltaText = "";
  #said = "";

  constructor(decoder: EventDecoder, tools: DeclaredTools, options: ScanOptions) {
    this.#decoder = decoder;
    this.#options = options;
    this.#text = this.#createScanner(tools, "text");
    this.#reasoning = this.#createScanner(tools, "reasoning");
  }

  get pendingBytes(): number {
    return this.#decoder.pendingBytes + this.#text.heldLength + this.#reasoning.heldLength;
  }

  feed(chunk: Uint8Array, emit: Emit): void {
    this.#emit = emit;
    this.#decoder.feed(chunk, this.#onEvent);
  }

  end(emit: Emit): void {
    this.#emit = emit;
    this.#decoder.end(this.#onEvent);
  }

  #createScanner(tools: DeclaredTools, channel: "text" | "reasoning"): MarkupScanner {
    const type = channel === "text" ? "text-delta" : "reasoning-delta";
    return new MarkupScanner({
      tools,
      channel,
      maxHeldLength: this.#options.maxHeldLength ?? defaultMaxHeldLength,
      output: {
        text: (text) => {
          if (channel === "text") this.#reasoning.release();
          if (this.#delta?.type === type) this.#said += text;
          else this.#emit({ type, text: jsonText(text) });
        },
        calls: (calls) => {
          if (channel === "text") this.#reasoning.release();
          else this.#options.onWarning?.({ kind: "call-in-reasoning", toolName: calls[0]?.tool.name });
          this.#tellText();
          this.#tellCalls(calls);
        },
        warn: (kind, toolName) => this.#options.onWarning?.({ kind, toolName }),
      },
    });
  }

  #accept(event: UpstreamEvent): void {
    switch (event.type) {
      case "text-delta":
        return this.#scan(this.#text, event);
      case "reasoning-delta":
        return this.#scan(this.#reasoning, event);
      case "refusal-delta":
        this.#reasoning.release();
        this.#text.release();
        break;
      case "tool-call-start":
        this.#callCount++;
        this.#reasoning.release();
        this.#text.skipLeftovers();
        break;
      case "reply-end":
        this.#endChannels(event.finishReason !== "length");
        if (this.#callCount > 0 && event.finishReason === "stop") {
          return this.#emit({ ...event, finishReason: "tool_calls" });
        }
        break;
      case "reply-error":
        this.#reasoning.release();
        this.#text.release();
        break;
      default:
        break;
    }
    this.#emit(event);
  }

  #scan(scanner: MarkupScanner, event: DeltaEvent): void {
    const place = scanner.plainPlace;
    if (place !== undefined && isPlainJson(event.text, place)) {
      scanner.skipPlain();
      // The answer goes on behind the thoughts: a call that they held back was a draft.
      if (scanner === this.#text && this.#reasoning.heldLength > 0) this.#reasoning.release();
      return this.#emit(event);
    }
    this.#delta = event;
    this.#deltaText = event.text.text;
    scanner.feed(this.#deltaText);
    this.#tellText();
    this.#delta = undefined;
  }

  #tellText(): void {
    const delta = this.#delta;
    const said = this.#said;
    if (delta === undefined || said === "") return;
    this.#said = "";
    // As it came, where all of it goes on: its raw bytes need no encoding.
    this.#emit(this.#deltaText === said ? delta : { type: delta.type, text: jsonText(said) });
  }

  #tellCalls(calls: readonly FoundCall[]): void {
    for (const { tool, argumentsText, warnings } of calls) {
      const callId = this.#options.createCallId?.() ?? createCallId();
      this.#callCount++;
      for (const kind of warnings) this.#options.onWarning?.({ kind, toolName: tool.name });
      this.#emit({ type: "tool-call-start", callId, toolName: tool.name });
      this.#emit({ type: "tool-call-delta", callId, argumentsText });
    }
  }

  #endChannels(isWhole: boolean): void {
    // White space behind the thoughts is no answer: a call in them may still be meant.
    if (this.#text.isBlank) {
      const before = this.#callCount;
      this.#reasoning.end(isWhole);
      if (this.#callCount > before) this.#text.skipLeftovers();
    }
    this.#text.end(isWhole);
    this.#reasoning.end(isWhole);
  }
}
