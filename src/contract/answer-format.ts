// The form that an answer must have, where its client wants JSON and nothing else.

import type { JsonObject } from "./json.ts";

export interface AnswerFormat {
  /** As the client calls it. */
  readonly name: string;
  readonly description?: string;
  /** Undefined: any object will do. */
  readonly schema: JsonObject | undefined;
  /** What does not fit the schema is no answer at all. False: the schema is a wish, JSON is not. */
  readonly isStrict: boolean;
  /** Where the client wrote it, for errors: `response_format.json_schema`. */
  readonly param: string;
}

/** How the reply is shown to its client, where that is not as its protocol has it. */
export interface ReplyDisplay {
  /** Thoughts in their own place, as `<think>` tags before the answer, or not at all. */
  readonly thoughts: "field" | "tags" | "hidden";
  /** An answer of text alone is wrapped in `<attempt_completion>`. */
  readonly wrapsAnswer: boolean;
}
