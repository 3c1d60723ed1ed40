// The typed chat's events as schemas: what docs/protocol-typed-chat.md publishes, and what tests hold every frame against.

import { Type } from "typebox";

const closed = { additionalProperties: false };

const source = Type.Object({
  chunk_id: Type.String(),
  document_id: Type.Optional(Type.String()),
  document_name: Type.String(),
  text: Type.String(),
  score: Type.Number({ minimum: 0, maximum: 1 }),
  url: Type.Optional(Type.String({ description: "Of a page on the web, http or https" })),
});

/** One of them stands in the `data:` of each frame; a reader passes over keys that it does not know. */
export const eventSchema = Type.Union([
  Type.Object({ stage: Type.String({ description: "Name of the step that begins" }) }, closed),
  Type.Object({ token: Type.String({ description: "A piece of the answer" }) }, closed),
  Type.Object({ reasoning: Type.String({ description: "A piece of the model's thoughts" }) }, closed),
  Type.Object({ sources: Type.Array(source, { description: "Pieces that were found, the best first" }) }, closed),
  Type.Object({ quality_score: Type.Number({ minimum: 0, maximum: 1 }) }, closed),
  Type.Object({ follow_up_questions: Type.Array(Type.String()) }, closed),
  Type.Object({ metadata: Type.Record(Type.String(), Type.Unknown()) }, closed),
  Type.Object({ error: Type.String({ description: "One sentence; ends the stream" }) }, closed),
]);
