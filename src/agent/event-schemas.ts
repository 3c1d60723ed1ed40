// The agent stream's events as schemas: what docs/protocol-agent.md publishes, and what tests hold every frame against.

import { Type } from "typebox";

const timestamp = Type.Integer({ description: "Epoch milliseconds; never less than that of the event before" });

export const progressSchema = Type.Object(
  {
    type: Type.Enum(["analyzing", "discovering", "selecting", "executing", "completed"]),
    message: Type.String({ description: "For a person to read" }),
    timestamp,
  },
  { additionalProperties: false },
);

export const errorSchema = Type.Object(
  {
    type: Type.Literal("error"),
    code: Type.String({ description: "For a program to read, such as timeout or upstream_failed" }),
    message: Type.String({ description: "One sentence: what happened and what to do" }),
    timestamp,
  },
  { additionalProperties: false },
);

const call = Type.Object(
  {
    service: Type.String({ description: "The tool server" }),
    command: Type.String({ description: "The tool" }),
    success: Type.Boolean(),
    arguments: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), { description: "What it was called with; absent where that is long" }),
    ),
    result: Type.Optional(Type.Unknown()),
    error: Type.Optional(Type.String()),
    durationMs: Type.Number(),
  },
  { additionalProperties: false },
);

const pending = Type.Object(
  {
    confirmation_id: Type.String(),
    commands: Type.Array(
      Type.Object({
        service: Type.String(),
        command: Type.String(),
        arguments: Type.Record(Type.String(), Type.Unknown()),
      }),
    ),
    risk: Type.Enum(["write", "destructive"]),
    expires_at: Type.Integer({ description: "Epoch milliseconds" }),
    question: Type.Optional(
      Type.Object(
        { message: Type.String(), schema: Type.Record(Type.String(), Type.Unknown()) },
        { description: "A tool server asks for data: answer with arguments of this schema" },
      ),
    ),
  },
  { additionalProperties: false, description: "What waits for POST .../confirm" },
);

export const doneSchema = Type.Object(
  {
    success: Type.Boolean(),
    totalExecutionTime: Type.Number({ description: "Milliseconds" }),
    results: Type.Array(call, { description: "One entry a call, in their order" }),
    answer: Type.Optional(Type.String({ description: "In words" })),
    needsClarification: Type.Optional(Type.Boolean()),
    clarificationQuestion: Type.Optional(Type.String()),
    pending: Type.Optional(pending),
    session_id: Type.String({ description: "Send it with a follow-up" }),
  },
  { additionalProperties: false },
);
