// The settings of the typed chat: its steps, its documents, and how long an answer can be read on.

import { Type } from "typebox";
import { hourMs, mebibyte, minuteMs, secondMs, size, wait } from "./setting-kinds.ts";

const stepNames = ["query_analysis", "retrieval", "generation", "quality", "follow_ups"] as const;

export const chatSettings = {
  chatSteps: Type.Array(Type.String({ pattern: `^(${stepNames.join("|")})$` }), {
    description: "Steps of the typed chat, in their order; one that is not named is left out",
    default: [...stepNames],
    allowed: `names out of ${stepNames.join(", ")}`,
  }),
  chatAnalysis: Type.Enum(["rules", "model"], {
    description: "Who makes a search query of a message in the typed chat: rules, or a short call to the model",
    default: "rules",
  }),
  chatSources: Type.Integer({
    description: "Most pieces of documents that an answer of the typed chat is given",
    default: 5,
    minimum: 1,
    maximum: 50,
  }),
  chatInstructions: Type.Optional(
    Type.String({ description: "What the model is told in every typed chat", minLength: 1, allowed: "a text" }),
  ),
  chatFollowUpsMs: wait("Longest time that suggesting further questions may take", 10 * secondMs),
  embeddingModel: Type.Optional(
    Type.String({
      description:
        "Model that embeds documents, such as text-embedding-v4 or upstream/model. Unset: they are found by their words",
      pattern: "^\\S+$",
      allowed: "the name of a model",
    }),
  ),
  transcriptionModel: Type.Optional(
    Type.String({
      description:
        "Model that writes down what is said to the chat page. Unset: one that an upstream lists and whose name tells, such as whisper-1; without one the page has no microphone",
      pattern: "^\\S+$",
      allowed: "the name of a model",
    }),
  ),
  documentMaxBytes: size("Largest document that is taken in", 20 * mebibyte),
  documentsMaxBytes: size("Most text of all documents together", 512 * mebibyte),
  replayKeepMs: wait("How long an answer of the typed chat can be read on after its end", hourMs),
  replayGraceMs: wait("How long a resumable answer goes on when nobody reads it", minuteMs),
  replayMaxStreamBytes: size("Longest answer that can be read on, in bytes of its stream", 4 * mebibyte),
  replayMaxBytes: size("Most that all answers which can be read on may take in DATA_DIR", 256 * mebibyte),
};
