// How the pipeline has a conversation answered: as a surface of the gateway, whose encoder writes frames of the typed
// chat and notes what was said for the steps behind. Hot: text travels as raw JSON.

import type { ChatReply } from "../contract/chat-reply.ts";
import type { ChatEvent, ReplyIdentity } from "../contract/events.ts";
import { GatewayError } from "../contract/gateway-error.ts";
import { openaiErrorBody } from "../contract/openai-error.ts";
import type { EventEncoder, Surface } from "../contract/surface.ts";
import { RawText } from "../conversation/raw-text.ts";
import type { FrameWriter } from "./frame-writer.ts";
import type { PipelineState } from "./step.ts";
import { WebSources } from "./web-sources.ts";

/** What a reply said, beside its text: filled while it is told. */
export class Generation {
  readonly #frames: FrameWriter;
  readonly #text = new RawText();
  readonly #reasoning = new RawText();
  readonly #webSources = new WebSources();
  /** By which it ended after its first word. */
  error: GatewayError | undefined;
  /** It has ended as it should. */
  isComplete = false;
  readonly #state: PipelineState;
  #hasToken: boolean;

  constructor(frames: FrameWriter, state: PipelineState) {
    this.#frames = frames;
    this.#state = state;
    this.#hasToken = state.answer !== "";
  }

  /** Of all that was said so far. */
  get bytes(): number {
    return this.#text.length + this.#reasoning.length;
  }

  get text(): string {
    return this.#text.text;
  }

  get reasoning(): string {
    return this.#reasoning.text;
  }

  begin({ model }: ReplyIdentity): void {
    this.#state.model = model;
  }

  accept(event: ChatEvent): void {
    switch (event.type) {
      case "text-delta":
      case "refusal-delta":
        if (!this.#hasToken) this.#beginText();
        this.#text.append(event.text);
        return this.#frames.token(event.text);
      case "reasoning-delta":
        this.#reasoning.append(event.text);
        return this.#frames.reasoning(event.text);
      case "source":
        return this.#webSources.add(event.source);
      case "reply-end":
        this.isComplete = true;
        this.#state.finishReason = event.finishReason;
        this.#state.usage = event.usage;
        return;
      case "reply-error":
        this.error = event.error;
        return;
      case "reply-start":
      case "block-start":
      case "block-end":
      case "tool-call-delta":
      case "stop-sequence":
        return;
      default:
        event satisfies never;
    }
  }

  /** Sources stand before the first token: what is searched later is not told. */
  #beginText(): void {
    this.#hasToken = true;
    const { found } = this.#webSources;
    // A step may have said something meanwhile.
    if (found.length === 0 || this.#state.answer !== "") return;
    const sources = [...this.#state.sources, ...found];
    this.#state.sources = sources;
    this.#frames.event({ sources });
  }
}

/** Of one generation only: its encoder belongs to that. */
export function tokenSurface(generation: Generation, frames: FrameWriter): Surface {
  const encoder: EventEncoder = {
    write: (event) => generation.accept(event),
    // The stream has heartbeats of its own, also while no reply runs.
    writeHeartbeat() {},
    get pendingBytes() {
      return frames.pendingBytes;
    },
    take: () => frames.take(),
  };
  return {
    ...typedChat,
    createEncoder(_request, identity) {
      generation.begin(identity);
      return encoder;
    },
  };
}

/** A question beside the conversation: its answer is text. */
export const askingSurface: Surface = {
  name: "typed-chat",
  routes: [],
  parseRequest: notReceived,
  createEncoder: notReceived,
  encodeReply: (_request, { text }: ChatReply) => ({ text }),
  encodeError: (error) => openaiErrorBody(error),
};

const typedChat = askingSurface;

/** Requests of this surface are composed, not received. */
function notReceived(): never {
  throw new GatewayError("internal", "The typed chat takes no request of this kind");
}
