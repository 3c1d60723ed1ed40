// The official client reads a long counting answer as a stream, and each number has to be there, in order.

import OpenAI from "openai";

export interface CountUp {
  /** "": nothing is missing. */
  readonly problem: string;
  readonly chunks: number;
  readonly text: string;
}

export interface CountUpOptions {
  /** Ends in `/v1`. */
  readonly baseUrl: string;
  readonly apiKey: string;
  /** Undefined: the first that the gateway lists. */
  readonly model: string | undefined;
  readonly last: number;
}

/** @throws what the client throws */
export async function countUp({ baseUrl, apiKey, model, last }: CountUpOptions): Promise<CountUp> {
  const client = new OpenAI({ baseURL: baseUrl, apiKey, maxRetries: 0 });
  const [first] = model === undefined ? (await client.models.list()).data : [];
  const stream = await client.chat.completions.create({
    model: model ?? first?.id ?? "",
    stream: true,
    messages: [{ role: "user", content: `Count from 1 to ${last}` }],
  });
  let text = "";
  let finish: string | undefined;
  let chunks = 0;
  for await (const { choices } of stream) {
    chunks++;
    text += choices[0]?.delta.content ?? "";
    finish = choices[0]?.finish_reason ?? finish;
  }
  return { problem: problemOf(text, finish, last), chunks, text };
}

function problemOf(text: string, finish: string | undefined, last: number): string {
  if (finish !== "stop") return `the stream ended with ${finish ?? "no finish"}`;
  const numbers = (text.match(/\d+/g) ?? []).map(Number);
  for (let expected = 1; expected <= last; expected++) {
    const found = numbers[expected - 1];
    if (found !== expected) return `${expected} is missing: ${found ?? "nothing"} stands in its place`;
  }
  return numbers.length === last ? "" : `${numbers.length - last} numbers are too many`;
}
