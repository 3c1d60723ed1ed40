// What a reply said to its client, for the fingerprint that will find it again. Text is kept as raw bytes of one JSON
// string and digested now and then, so that it costs a copy an event and no reply is too long. Hot.

import type { Message, ToolCall } from "../../contract/chat-request.ts";
import type { ChatEvent } from "../../contract/events.ts";
import type { JsonText } from "../../contract/json.ts";
import type { SaidText } from "../../contract/upstream.ts";
import { estimatedTokensOf, estimateTokens } from "../../conversation/estimate-tokens.ts";
import type { ReplyDigest } from "../../conversation/reply-digest.ts";
import type { PrefixFingerprint } from "../../store/store.ts";
import { RawText } from "../../conversation/raw-text.ts";

/** Kept at most before it is digested. */
const maxBytes = 16 * 1024;

export class SentReply implements SaidText {
  readonly #createDigest: () => ReplyDigest;
  /** Made when there is something to digest: an open stream is mostly too short for it. */
  #digest: ReplyDigest | undefined;
  readonly #kept = new RawText();
  /** Text that is not kept any more: how much it was, and its hash. */
  #droppedChars = 0;
  #dropped: Bun.CryptoHasher | undefined;
  #tokens = 0;
  /** Thoughts are no part of what was said, and cost tokens all the same. */
  #reasoningBytes = 0;
  #whole: { readonly text: RawText; readonly calls: ToolCall[] } | undefined;
  #call: { callId: string; toolName: string; argumentsText: string } | undefined;

  /** @param keepsText the whole message will be asked for, however long it is */
  constructor(createDigest: () => ReplyDigest, keepsText = false) {
    this.#createDigest = createDigest;
    if (keepsText) this.#whole = { text: new RawText(), calls: [] };
  }

  get #ownDigest(): ReplyDigest {
    this.#digest ??= this.#createDigest();
    return this.#digest;
  }

  note(event: ChatEvent): void {
    if (event.type === "text-delta" || event.type === "refusal-delta") {
      this.#append(event.text);
      this.#whole?.text.append(event.text);
    } else if (event.type === "reasoning-delta") this.#reasoningBytes += event.text.end - event.text.start;
    else if (event.type === "tool-call-delta" && this.#call !== undefined)
      this.#call.argumentsText += event.argumentsText;
    else if (event.type === "block-start" && event.block === "tool-call") {
      this.#call = { callId: event.callId, toolName: event.toolName, argumentsText: "" };
    } else if (event.type === "block-end" && event.block === "tool-call") this.#endCall();
  }

  /** Ends it: nothing may be noted afterwards. */
  finish(): PrefixFingerprint {
    this.#flush();
    this.#endCall();
    return this.#ownDigest.finish();
  }

  /** An estimate for upstreams that do not count. */
  get tokens(): number {
    this.#flush();
    return this.#tokens + estimatedTokensOf(this.#reasoningBytes);
  }

  /** As it will stand in a history. Undefined unless it was to be kept. */
  get message(): Message | undefined {
    if (this.#whole === undefined) return undefined;
    const { text, calls } = this.#whole;
    return {
      role: "assistant",
      content: text.length === 0 ? [] : [{ type: "text", text: text.text }],
      toolCalls: calls,
    };
  }

  restOf(whole: string): string | undefined {
    const dropped = whole.slice(0, this.#droppedChars);
    if (this.#dropped !== undefined && !isHashOf(dropped, this.#dropped)) return undefined;
    const kept = this.#kept.text;
    if (!whole.startsWith(kept, dropped.length)) return undefined;
    return whole.slice(dropped.length + kept.length);
  }

  #endCall(): void {
    const call: ToolCall | undefined = this.#call;
    if (call === undefined) return;
    this.#call = undefined;
    this.#tokens += estimateTokens(call.toolName + call.argumentsText);
    this.#ownDigest.call(call);
    this.#whole?.calls.push(call);
  }

  #append(text: JsonText): void {
    if (this.#kept.length + text.end - text.start > maxBytes) this.#drop();
    this.#kept.append(text);
  }

  #flush(): string {
    const { text } = this.#kept;
    if (text === "") return "";
    this.#kept.clear(maxBytes);
    this.#tokens += estimateTokens(text);
    this.#ownDigest.text(text);
    return text;
  }

  #drop(): void {
    const text = this.#flush();
    this.#droppedChars += text.length;
    this.#dropped ??= new Bun.CryptoHasher("sha256");
    this.#dropped.update(exactBytes(text));
  }
}

/** UTF-16, so that halves of a surrogate pair which were dropped apart count as they are. */
function exactBytes(text: string): Uint8Array {
  return Buffer.from(text, "utf16le");
}

function isHashOf(text: string, hasher: Bun.CryptoHasher): boolean {
  return new Bun.CryptoHasher("sha256").update(exactBytes(text)).digest("hex") === hasher.copy().digest("hex");
}
