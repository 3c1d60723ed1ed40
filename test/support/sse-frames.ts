// What a client sees of an event stream: frames, and of chat frames their JSON. Strict: throws on what no client understands.

export interface Frame {
  readonly event: string | undefined;
  readonly data: string;
}

/** Frames of a whole body; comments are left out. */
export function parseFrames(text: string): Frame[] {
  // All three end a line, and may stand in one stream.
  const body = text.replaceAll(/\r\n?/g, "\n");
  if (body !== "" && !body.endsWith("\n\n")) throw new Error("the last frame is not ended by a blank line");
  return body
    .split("\n\n")
    .filter((block) => block !== "")
    .map(parseFrame)
    .filter((frame) => frame !== undefined);
}

function parseFrame(block: string): Frame | undefined {
  const lines = block.split("\n").filter((line) => !line.startsWith(":"));
  if (lines.length === 0) return undefined;
  const data = lines.filter((line) => line.startsWith("data:")).map((line) => line.slice(line[5] === " " ? 6 : 5));
  const event = lines.find((line) => line.startsWith("event: "))?.slice(7);
  return { event, data: data.join("\n") };
}

/** A chat completion chunk, as far as tests look at it. */
export interface ChatChunk {
  readonly id: string;
  readonly object: string;
  readonly created: number;
  readonly model: string;
  readonly choices: readonly {
    readonly index: number;
    readonly delta: { readonly role?: string; readonly content?: string; readonly reasoning_content?: string };
    readonly finish_reason: string | null;
  }[];
  readonly usage?: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly total_tokens: number;
  };
  readonly error?: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string;
  };
}

export interface ChatStream {
  readonly frames: readonly Frame[];
  readonly chunks: readonly ChatChunk[];
  readonly text: string;
  readonly reasoning: string;
  readonly finishReasons: readonly string[];
  readonly usage: ChatChunk["usage"];
  readonly error: ChatChunk["error"];
  /** How often `[DONE]` came. */
  readonly doneCount: number;
}

export function parseChatStream(body: string): ChatStream {
  const frames = parseFrames(body);
  // The shape is what the tests assert.
  const chunks = frames.filter((frame) => frame.data !== "[DONE]").map((frame) => JSON.parse(frame.data) as ChatChunk);
  const deltas = chunks.flatMap((chunk) => chunk.choices ?? []);
  return {
    frames,
    chunks,
    text: deltas.map((choice) => choice.delta.content ?? "").join(""),
    reasoning: deltas.map((choice) => choice.delta.reasoning_content ?? "").join(""),
    finishReasons: deltas.flatMap((choice) => (choice.finish_reason === null ? [] : [choice.finish_reason])),
    usage: chunks.find((chunk) => chunk.usage !== undefined)?.usage,
    error: chunks.find((chunk) => chunk.error !== undefined)?.error,
    doneCount: frames.filter((frame) => frame.data === "[DONE]").length,
  };
}
