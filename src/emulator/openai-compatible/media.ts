// Images and audio in their simplest faithful form: one pixel, a sentence about the file, silence.

import { formatSseEvent } from "../../sse/sse-writer.ts";
import { textMember } from "../call.ts";
import { member } from "../request-log.ts";
import { countTokens } from "../reply-steps.ts";
import { type Call, refuseCall } from "./call.ts";
import type { CompatibleState } from "./emulator-state.ts";

/** One transparent pixel. */
const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

export function createImages(call: Call, state: CompatibleState): Response {
  if (textMember(call.body, "prompt") === undefined) {
    return refuseCall(call, state, { name: "invalid-parameter", message: "prompt is required", param: "prompt" });
  }
  const count = Math.min(10, Math.max(1, Number(member(call.body, "n") ?? 1) || 1));
  const isUrl = member(call.body, "response_format") === "url";
  const url = `https://cdn.example.invalid/emulator/${call.requestId}.png`;
  return Response.json({
    created: Math.floor(state.clock() / 1000),
    data: Array.from({ length: count }, () => (isUrl ? { url } : { b64_json: png })),
  });
}

export function createTranscription(call: Call, state: CompatibleState): Response {
  const file = member(call.body, "file");
  const name = textMember(file, "name");
  if (name === undefined) {
    return refuseCall(call, state, { name: "invalid-parameter", message: "file is required", param: "file" });
  }
  const text = `The emulator heard ${name}, ${String(member(file, "size"))} bytes.`;
  if (member(call.body, "stream") === "true") {
    const words = text.match(/\s*\S+/g) ?? [];
    const deltas = words.map((delta) => formatSseEvent({ type: "transcript.text.delta", delta }));
    const done = formatSseEvent({ type: "transcript.text.done", text });
    return new Response(deltas.join("") + done, { headers: { "content-type": "text/event-stream" } });
  }
  const format = member(call.body, "response_format");
  if (format === "text") return new Response(`${text}\n`, { headers: { "content-type": "text/plain" } });
  const usage = { type: "duration", seconds: 1 };
  if (format !== "verbose_json") return Response.json({ text, usage });
  return Response.json({ task: "transcribe", language: "english", duration: 1, text, segments: [], usage });
}

const sampleRate = 24_000;

export function createSpeech(call: Call, state: CompatibleState): Response {
  const input = textMember(call.body, "input");
  if (input === undefined) {
    return refuseCall(call, state, { name: "invalid-parameter", message: "input is required", param: "input" });
  }
  const samples = Math.min(countTokens(input), 100) * (sampleRate / 10);
  if (member(call.body, "stream_format") === "sse") {
    const audio = Buffer.from(silence(Math.min(samples, 2400))).toString("base64");
    const usage = { input_tokens: countTokens(input), output_tokens: 1, total_tokens: countTokens(input) + 1 };
    const events = [
      { type: "speech.audio.delta", audio },
      { type: "speech.audio.done", usage },
    ];
    return new Response(events.map((event) => formatSseEvent(event)).join(""), {
      headers: { "content-type": "text/event-stream" },
    });
  }
  return new Response(silence(samples), { headers: { "content-type": "audio/wav" } });
}

/** A WAV file, one channel of 16 bits. */
function silence(samples: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(44 + samples * 2);
  const view = new DataView(bytes.buffer);
  const word = (at: number, text: string) => bytes.set(new TextEncoder().encode(text), at);
  word(0, "RIFF");
  view.setUint32(4, bytes.length - 8, true);
  word(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  word(36, "data");
  view.setUint32(40, samples * 2, true);
  return bytes;
}
