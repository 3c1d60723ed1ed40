// The shape of the web backend's plain deltas: a text, and behind it a usage that counts on from event to event.

import type { UpstreamEvent } from "../../../contract/events.ts";
import type { JsonText } from "../../../contract/json.ts";
import { copyBytes } from "../../../sse/copy-bytes.ts";
import { equalsAt, JsonTextTemplate } from "../../json-text-template.ts";

const space = 32;
const zero = 48;
const minTailBytes = 256;
const nothing = new Uint8Array(0);
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const usageKey = encoder.encode('"usage":');
const inputTokensKey = encoder.encode('{"input_tokens":');
const usageTail = { start: usageKey, accepts: hasCounts };

export type DeltaKind = "text-delta" | "reasoning-delta";

export class DeltaTemplate {
  /** The delta of the last match. */
  readonly event: Extract<UpstreamEvent, { readonly text: JsonText }>;
  readonly #shape: JsonTextTemplate;
  #tail: Uint8Array = nothing;
  #tailLength = 0;

  private constructor(kind: DeltaKind, shape: JsonTextTemplate) {
    this.event = { type: kind, text: shape.text };
    this.#shape = shape;
  }

  /**
   * @param data an event that the parser understood as a plain delta
   * @param content what the parser found in it
   * @param readContent the parser's way to it
   * @returns undefined when the bytes do not show where the text stands
   */
  static learn(
    kind: DeltaKind,
    data: Uint8Array,
    content: string,
    readContent: (event: unknown) => unknown,
  ): DeltaTemplate | undefined {
    const learnt = { key: "content", text: content, readField: readContent, tail: usageTail };
    const shape = JsonTextTemplate.learn(data, learnt);
    return shape === undefined ? undefined : new DeltaTemplate(kind, shape);
  }

  get kind(): DeltaKind {
    return this.event.type as DeltaKind;
  }

  /** What stands behind the text and before the usage. */
  get after(): Uint8Array {
    return this.#shape.after;
  }

  /** The same for another reply. @param after the same JSON, with another id in it */
  copyFor(after: Uint8Array): DeltaTemplate {
    return new DeltaTemplate(this.kind, this.#shape.copyFor(after));
  }

  /**
   * Whether the event that stands in `bytes` from `from` to before `to` has this shape; then `event` holds its text, and
   * its usage is remembered.
   */
  match(bytes: Uint8Array, from: number, to: number): boolean {
    const shape = this.#shape;
    if (!shape.match(bytes, from, to)) return false;
    if (shape.tailStart < to) this.#rememberTail(bytes, shape.tailStart, to);
    return true;
  }

  get isEmpty(): boolean {
    return this.#shape.isEmpty;
  }

  /** The bytes of the last match are somebody else's from here on. */
  release(): void {
    this.#shape.release();
  }

  /** A newer usage has been read. */
  dropTail(): void {
    this.#tailLength = 0;
  }

  /** What stood behind the text in the last match that had a usage, as JSON text; undefined before one. */
  takeTail(): string | undefined {
    if (this.#tailLength === 0) return undefined;
    const text = `{${decoder.decode(this.#tail.subarray(0, this.#tailLength))}`;
    this.#tailLength = 0;
    return text;
  }

  #rememberTail(bytes: Uint8Array, from: number, to: number): void {
    const length = to - from;
    if (length > this.#tail.length) this.#tail = new Uint8Array(Math.max(minTailBytes, length * 2));
    copyBytes(bytes, from, to, this.#tail, 0);
    this.#tailLength = length;
  }
}

/** Whether a usage that can be read stands there: an empty one must not take the place of the one before. */
function hasCounts(data: Uint8Array, offset: number, limit: number): boolean {
  if (!equalsAt(data, usageKey, offset)) return false;
  const object = skipSpace(data, offset + usageKey.length);
  if (!equalsAt(data, inputTokensKey, object)) return false;
  const at = skipSpace(data, object + inputTokensKey.length);
  const digit = data[at] ?? 0;
  return at < limit && digit >= zero && digit <= zero + 9;
}

function skipSpace(data: Uint8Array, offset: number): number {
  return data[offset] === space ? offset + 1 : offset;
}
