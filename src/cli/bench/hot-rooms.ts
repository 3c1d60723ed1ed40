// The rooms that every event walks through, each against the plainest code that does the same.

import type { Message } from "../../contract/chat-request.ts";
import { jsonText } from "../../contract/json.ts";
import { fingerprintHistory } from "../../conversation/fingerprints.ts";
import { createSseDecoder } from "../../sse/sse-decoder.ts";
import { createEventEncoder } from "../../surfaces/openai-chat/event-encoder.ts";
import { parseRequest } from "../../surfaces/openai-chat/parse-request.ts";
import { createEventDecoder } from "../../upstreams/qwen-web/reply/event-decoder.ts";
import { nanosecondsPerCall, row, rounded } from "./measure.ts";

const eventCount = 500;

/** An answer as the web backend streams it. */
function answerStream(): Uint8Array {
  const created = 'data: {"response.created":{"chat_id": "c", "parent_id": "p", "response_id":"r"}} \n\n';
  let body = created;
  for (let index = 1; index <= eventCount; index++) {
    const usage = `{"input_tokens": 1049, "output_tokens": ${index}, "characters": 0, "total_tokens": ${1049 + index}, "input_tokens_details": {"text_tokens": 1049}, "output_tokens_details": {"text_tokens": ${index}}}`;
    body += `data: {"choices": [{"delta": {"role": "assistant", "content": "token ${index} ", "phase": "answer", "status": "typing"}}], "response_id": "r", "usage": ${usage}, "timestamp": 1790000000}\n\n`;
  }
  body +=
    'data: {"choices": [{"delta": {"content": "", "role": "assistant", "status": "finished", "phase": "answer"}}], "response_id": "r"}\n\n';
  return new TextEncoder().encode(body);
}

export function* benchDecoder(): Generator<string> {
  const stream = answerStream();
  for (const eventsPerChunk of [1, 16]) {
    const chunks = cut(stream, eventsPerChunk);
    const ours = nanosecondsPerCall(() => {
      const decoder = createEventDecoder({ chatId: "c", model: "m" });
      for (const chunk of chunks) decoder.feed(chunk, () => {});
      decoder.end(() => {});
    });
    const naive = nanosecondsPerCall(() => naiveTexts(chunks));
    const sse = createSseDecoder({ event() {} });
    for (const chunk of chunks) sse.feed(chunk);
    const perSecond = (ns: number): string => `${rounded((eventCount / ns) * 1e3, 2)} M ev/s`;
    yield row(
      `decoder, about ${eventsPerChunk} event(s) a chunk`,
      perSecond(ours),
      `${rounded(naive / ours, 2)} x naive`,
    );
    yield row("  decode, split and JSON.parse each", perSecond(naive));
    yield row("  bytes copied for each byte received", rounded(sse.copiedBytes / stream.length, 3));
  }
}

/** Whole events, so many a chunk: what a trickle and a burst look like. */
function cut(stream: Uint8Array, eventsPerChunk: number): Uint8Array[] {
  const events = new TextDecoder().decode(stream).split(/(?<=\n\n)/);
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < events.length; at += eventsPerChunk) {
    chunks.push(new TextEncoder().encode(events.slice(at, at + eventsPerChunk).join("")));
  }
  return chunks;
}

/** The baseline: what a short script would do. */
function naiveTexts(chunks: readonly Uint8Array[]): string {
  const decoder = new TextDecoder();
  let rest = "";
  let text = "";
  for (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (!line.startsWith("data: ")) continue;
      const event: { choices?: { delta?: { content?: string } }[] } = JSON.parse(line.slice(6));
      text += event.choices?.[0]?.delta?.content ?? "";
    }
  }
  return text;
}

export function* benchEncoder(): Generator<string> {
  const request = parseRequest({ messages: [{ role: "user", content: "x" }], stream: true });
  const identity = { replyId: "r", model: "qwen3-max", createdAtMs: 0 };
  const text = jsonText("token 12 ");
  const encoder = createEventEncoder(request, identity);
  const delta = { type: "text-delta" as const, index: 0, text };
  const ours = nanosecondsPerCall(() => {
    encoder.write(delta);
    encoder.take();
  });
  const bytes = new TextEncoder();
  const naive = nanosecondsPerCall(() => {
    const choices = [{ index: 0, delta: { content: text.text }, finish_reason: null }];
    bytes.encode(
      `data: ${JSON.stringify({ id: "r", object: "chat.completion.chunk", created: 0, model: "qwen3-max", choices })}\n\n`,
    );
  });
  yield row("encoder, one event", `${rounded(ours)} ns`, `${rounded(naive / ours, 2)} x naive`);
  yield row("  JSON.stringify each", `${rounded(naive)} ns`);
}

export function* benchFingerprints(): Generator<string> {
  const messages: Message[] = Array.from({ length: 200 }, (_, index) => {
    const content = [
      { type: "text" as const, text: `message ${index}: ${"some words of a long conversation. ".repeat(15)}` },
    ];
    return index % 2 === 0 ? { role: "user", content } : { role: "assistant", content, toolCalls: [] };
  });
  const ns = nanosecondsPerCall(() => void fingerprintHistory("local", messages, []));
  const body = JSON.stringify(messages);
  const parse = nanosecondsPerCall(() => void JSON.parse(body));
  yield row(
    `canonical form and fingerprints, 200 messages, ${rounded(body.length / 1000, 0)} KB`,
    `${rounded(ns / 1e6, 2)} ms`,
    `${rounded(ns / parse, 1)} x JSON.parse`,
  );
}
