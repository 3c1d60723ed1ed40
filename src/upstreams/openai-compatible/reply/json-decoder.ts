// A completion that was answered with one JSON body instead of a stream, as the same events.

import type { JsonObject } from "../../../contract/json.ts";
import type { EventDecoder } from "../../../contract/upstream.ts";
import type { CompletionChunk } from "../../../wire/openai-compatible.ts";
import { type ReplyOptions, ReplyReader } from "./reply-reader.ts";

/** Whether a body is a whole answer. */
export function isCompletion(body: JsonObject): boolean {
  const choices = body["choices"];
  return Array.isArray(choices) && choices.length > 0;
}

/** Its body was read already, and its bytes only count: everything is said at their end. */
export function createJsonDecoder(body: JsonObject, options: ReplyOptions): EventDecoder {
  // A body that came whole needs no finish to prove it.
  const reader = new ReplyReader({ ...options, doneIsFinish: true });
  return {
    pendingBytes: 0,
    feed() {},
    end(emit) {
      reader.emit = emit;
      // Fields are checked one by one where they are used.
      reader.accept(body as CompletionChunk);
      reader.done();
    },
  };
}
