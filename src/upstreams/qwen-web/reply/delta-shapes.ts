// What one reply of the web backend teaches of the next: their plain deltas differ in the reply's id alone.

import { equalsAt } from "../../json-text-template.ts";
import type { DeltaKind, DeltaTemplate } from "./delta-template.ts";

export interface DeltaShapes {
  /** The template of such deltas in a reply with this id; undefined before one was learnt. */
  forReply(kind: DeltaKind, responseId: string): DeltaTemplate | undefined;
  /** @param template as learnt in the reply with this id */
  remember(template: DeltaTemplate, responseId: string): void;
}

interface Shape {
  readonly template: DeltaTemplate;
  /** What stands behind the text, without the id. */
  readonly beforeId: string;
  readonly behindId: string;
}

/** Stands in a JSON string as it is: whatever such id stands there, the JSON around it stays the same. */
const plainId = /^[\w-]{1,100}$/;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Of each kind the one that was learnt last. */
export function createDeltaShapes(): DeltaShapes {
  const shapes = new Map<DeltaKind, Shape>();
  return {
    forReply(kind, responseId) {
      const shape = shapes.get(kind);
      if (shape === undefined || !plainId.test(responseId)) return undefined;
      return shape.template.copyFor(encoder.encode(shape.beforeId + responseId + shape.behindId));
    },
    remember(template, responseId) {
      const { after } = template;
      const text = decoder.decode(after);
      const [before, behind, ...further] = text.split(`"${responseId}"`);
      if (!plainId.test(responseId) || before === undefined || behind === undefined || further.length > 0) return;
      // Bytes that are no text would not come back as they were.
      const isText = encoder.encode(text).length === after.length && equalsAt(after, encoder.encode(text), 0);
      if (isText) shapes.set(template.kind, { template, beforeId: `${before}"`, behindId: `"${behind}` });
    },
  };
}
