// Replies as both kinds of upstream write them: the same pieces in the events of the Qwen web backend, and in chunks of chat
// completions.

export type Lane = "web" | "compatible";

export interface WireCall {
  readonly name: string;
  /** JSON text; "" as some models write no arguments. */
  readonly arguments: string;
}

export interface WireReply {
  readonly reasoning?: readonly string[];
  readonly text?: readonly string[];
  /** Told interleaved, piece by piece, where the upstream can do that. */
  readonly calls?: readonly WireCall[];
  /** Follows the calls. */
  readonly afterwards?: readonly string[];
  /** What the model said. The web backend knows only one. @defaultValue "stop", or "tool_calls" with calls */
  readonly finish?: "stop" | "length" | "content_filter";
  /** @defaultValue `told` */
  readonly usage?: "told" | "silent";
  /** In the place of the finish. */
  readonly breaks?: "error" | "end";
}

export const toldUsage = { input: 21, output: 9, reasoning: 4, cached: 5 } as const;
/** Of an error in the stream. */
export const toldSentence = "The engine has died";

export function writeReply(lane: Lane, reply: WireReply): string {
  return lane === "web" ? writeWeb(reply) : writeCompatible(reply);
}

const webIds = {
  chat_id: "00000000-0000-4000-8000-000000000001",
  parent_id: "00000000-0000-4000-8000-000000000002",
  response_id: "00000000-0000-4000-8000-000000000003",
};

function writeWeb({
  reasoning = [],
  text = [],
  calls = [],
  afterwards = [],
  usage = "told",
  breaks,
}: WireReply): string {
  const { response_id } = webIds;
  const counts = {
    input_tokens: toldUsage.input,
    output_tokens: toldUsage.output,
    total_tokens: toldUsage.input + toldUsage.output,
    output_tokens_details: { reasoning_tokens: toldUsage.reasoning },
    prompt_tokens_details: { cached_tokens: toldUsage.cached },
  };
  const delta = (phase: string, content: string, status = "typing"): object => ({
    choices: [{ delta: { role: "assistant", content, phase, status } }],
    response_id,
    ...(usage === "told" ? { usage: counts } : {}),
  });
  const markup = calls.map((call) => {
    const input = call.arguments === "" ? {} : (JSON.parse(call.arguments) as unknown);
    return `\n<tool_call>\n${JSON.stringify({ name: call.name, arguments: input })}\n</tool_call>`;
  });
  const events: object[] = [
    { "response.created": { ...webIds, response_index: "0" } },
    ...reasoning.map((piece) => delta("think", piece)),
    ...(reasoning.length > 0 ? [delta("think", "", "finished")] : []),
    ...[...text, ...markup, ...afterwards].map((piece) => delta("answer", piece)),
  ];
  if (breaks === "error") events.push({ error: { code: "internal_error", details: toldSentence }, response_id });
  if (breaks === undefined) events.push(delta("answer", "", "finished"));
  return events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
}

function writeCompatible(reply: WireReply): string {
  const { reasoning = [], text = [], calls = [], afterwards = [], usage = "told", breaks } = reply;
  const events: object[] = [
    chunk({ role: "assistant", content: "" }),
    ...reasoning.map((piece) => chunk({ reasoning_content: piece })),
    ...text.map((content) => chunk({ content })),
    ...interleaved(calls),
    ...afterwards.map((content) => chunk({ content })),
  ];
  if (breaks === "error") events.push({ error: { message: toldSentence, type: "server_error", code: 500 } });
  if (breaks !== undefined) return events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
  const finish = reply.finish ?? (calls.length > 0 ? "tool_calls" : "stop");
  events.push({ ...chunk({}), choices: [{ index: 0, delta: {}, finish_reason: finish }] });
  if (usage === "told") events.push({ ...chunk({}), choices: [], usage: compatibleUsage });
  return `${events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("")}data: [DONE]\n\n`;
}

/** Words and thoughts of the web backend as they follow one another. */
export function writeWebPieces(
  pieces: readonly { readonly channel: "text" | "reasoning"; readonly text: string }[],
): string {
  const { response_id } = webIds;
  const delta = (phase: string, content: string, status: string): object => ({
    choices: [{ delta: { role: "assistant", content, phase, status } }],
    response_id,
  });
  const events: object[] = [
    { "response.created": { ...webIds, response_index: "0" } },
    ...pieces.map(({ channel, text }) => delta(channel === "text" ? "answer" : "think", text, "typing")),
    delta("answer", "", "finished"),
  ];
  return events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
}

const compatibleUsage = {
  prompt_tokens: toldUsage.input,
  completion_tokens: toldUsage.output,
  total_tokens: toldUsage.input + toldUsage.output,
  prompt_tokens_details: { cached_tokens: toldUsage.cached },
  completion_tokens_details: { reasoning_tokens: toldUsage.reasoning },
};

function chunk(delta: object): object {
  return {
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    created: 1_790_000_000,
    model: "qwen3.6-27b",
    choices: [{ index: 0, delta, finish_reason: null }],
  };
}

/** All begin before the first is told. */
function interleaved(calls: readonly WireCall[]): object[] {
  const piece = (index: number, rest: object): object => chunk({ tool_calls: [{ index, ...rest }] });
  const halves = calls.map((call) => {
    const middle = call.arguments.length >> 1;
    return [call.arguments.slice(0, middle), call.arguments.slice(middle)];
  });
  return [
    ...calls.map(({ name }, index) =>
      piece(index, { id: `call_${index}`, type: "function", function: { name, arguments: "" } }),
    ),
    ...[0, 1].flatMap((half) =>
      halves.flatMap((pieces, index) =>
        pieces[half] === "" ? [] : [piece(index, { function: { arguments: pieces[half] } })],
      ),
    ),
  ];
}
