// The frame that the text deltas of one stream share, learnt from one of them, and what has to be changed about each: the
// model's name where the client uses another one, the field of thoughts where the server does. Hot.

import type { JsonObject, JsonText } from "../../../contract/json.ts";
import { JsonTextTemplate } from "../../json-text-template.ts";
import { isDataField } from "../reply/event-frames.ts";
import { plainText, textOfPlain } from "../reply/plain-text.ts";
import type { TextKind } from "../../think-tags.ts";

/** Bytes to be replaced. */
export interface Patch {
  /** From the beginning of the frame; negative: from its end, since the text between has any length. */
  readonly offset: number;
  readonly length: number;
  readonly bytes: Uint8Array;
}

const lineFeed = 10;
const space = 32;
const noPatches: readonly Patch[] = [];

export class KnownShape {
  readonly kind: TextKind;
  /** In the order in which they stand in the frame. */
  readonly patches: readonly Patch[];
  readonly #template: JsonTextTemplate;
  /** Between the beginning of the frame and its data: all offsets count from there on. */
  readonly #fieldBytes: number;

  private constructor(kind: TextKind, template: JsonTextTemplate, fieldBytes: number, patches: readonly Patch[]) {
    this.kind = kind;
    this.#template = template;
    this.#fieldBytes = fieldBytes;
    this.patches = patches;
  }

  /**
   * @param chunk what stands in `bytes` from `start` to before `end`; it could be passed on, but for these changes
   * @returns undefined when it is none of the usual ones
   */
  static learn(
    bytes: Uint8Array,
    start: number,
    end: number,
    chunk: JsonObject,
    toldModel: string,
  ): KnownShape | undefined {
    const found = plainText(chunk);
    // Other line ends and fields are rare enough to be looked at each time.
    if (found === undefined || !isPlainFrame(bytes, start, end)) return undefined;
    const [field, kind, text] = found;
    const dataStart = dataStartOf(bytes, start);
    const template = JsonTextTemplate.learn(bytes.subarray(dataStart, end - 2), {
      key: field,
      text,
      readField: textOfPlain,
    });
    if (template === undefined) return undefined;
    const frame = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
    const fieldBytes = dataStart - start;
    const patches = findPatches(frame, fieldBytes + template.bytesBefore, chunk, field, toldModel);
    return patches === undefined ? undefined : new KnownShape(kind, template, fieldBytes, patches);
  }

  /** @returns the index behind the frame; negative when none of this shape begins at `at` */
  match(bytes: Uint8Array, at: number): number {
    const dataStart = at + this.#fieldBytes;
    if (!isDataField(bytes, at) || dataStartOf(bytes, at) !== dataStart) return -1;
    const end = this.#template.matchFrom(bytes, dataStart);
    return end >= 0 && bytes[end] === lineFeed && bytes[end + 1] === lineFeed ? end + 2 : -1;
  }

  /** Of the last match. */
  get text(): JsonText {
    return this.#template.text;
  }

  placeOf({ offset }: Patch, start: number, end: number): number {
    return offset < 0 ? end + offset : start + offset;
  }

  release(): void {
    this.#template.release();
  }
}

function dataStartOf(bytes: Uint8Array, at: number): number {
  return bytes[at + 5] === space ? at + 6 : at + 5;
}

/** One data line, a blank one, and LF behind both. */
function isPlainFrame(bytes: Uint8Array, start: number, end: number): boolean {
  return isDataField(bytes, start) && bytes.indexOf(lineFeed, start) === end - 2 && bytes[end - 1] === lineFeed;
}

/** @returns undefined when the bytes do not show plainly what has to be changed */
function findPatches(
  frame: Buffer,
  textStart: number,
  chunk: JsonObject,
  field: string,
  toldModel: string,
): readonly Patch[] | undefined {
  const patches: Patch[] = [];
  if (field === "reasoning") {
    const key = /"reasoning": ?$/.exec(frame.toString("latin1", 0, textStart))?.[0];
    // Of a name that stands there twice, readers take the last: it may be the empty one.
    if (key === undefined || frame.includes('"reasoning_content"')) return undefined;
    patches.push({ offset: textStart - key.length, length: key.length, bytes: Buffer.from('"reasoning_content":') });
  }
  if (chunk["model"] === toldModel) return patches.length === 0 ? noPatches : patches;
  // No text holds this: the quotes in it would be escaped. Twice it may also be the name of something deeper.
  const at = frame.indexOf('"model"');
  const name = `"model":${JSON.stringify(chunk["model"])}`;
  if (at < 0 || frame.indexOf('"model"', at + 1) >= 0 || frame.indexOf(name, at) !== at) return undefined;
  const bytes = Buffer.from(`"model":${JSON.stringify(toldModel)}`);
  const length = Buffer.byteLength(name);
  if (at < textStart) patches.unshift({ offset: at, length, bytes });
  else patches.push({ offset: at - frame.length, length, bytes });
  return patches;
}
