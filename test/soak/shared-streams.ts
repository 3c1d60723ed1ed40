// Streams of the typed chat whose gateway is killed in the middle of them: read on at another one, from the last event that their
// client has seen.

import type { EmulatorProcess } from "../support/emulator-process.ts";
import type { Front } from "./shared-load.ts";

export interface ResumedStreams {
  readonly streams: number;
  /** Those whose next event is missing, whose events do not follow one another, or that have no end. */
  readonly withGap: number;
}

export interface StreamStage {
  readonly emulator: EmulatorProcess;
  /** Where they run, and where they are read on. */
  readonly from: Front;
  readonly to: Front;
  kill(): Promise<void>;
}

const streamCount = 6;
const words = Array.from({ length: 12 }, (_, index) => `word${index} `);

export async function tryResumedStreams({ emulator, from, to, kill }: StreamStage): Promise<ResumedStreams> {
  const begun: BegunStream[] = [];
  // One after the other: each waits at a gate of its own.
  for (let index = 0; index < streamCount; index++) {
    await emulator.script({ gate: gateOf(index), reply: { chunks: words } });
    await emulator.release(gateOf(index), 5);
    begun.push(await beginStream(from, index));
  }
  await kill();
  const gaps = await Promise.all(begun.map(async (stream) => ((await hasGap(to, stream)) ? 1 : 0)));
  for (let index = 0; index < streamCount; index++) await emulator.release(gateOf(index), "all");
  return { streams: streamCount, withGap: gaps.reduce<number>((sum, gap) => sum + gap, 0) };
}

const gateOf = (index: number): string => `stream-${index}`;

interface BegunStream {
  readonly streamId: string;
  readonly lastId: number;
}

/** Reads until words have come. */
async function beginStream({ url, headers }: Front, index: number): Promise<BegunStream> {
  const response = await fetch(`${url}/api/chat/stream`, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify({ session_id: `resumed-${index}`, message: "Count", resumable: true }),
  });
  const streamId = response.headers.get("x-stream-id") ?? "";
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (reader !== undefined && !text.includes("word")) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`a stream ended before it was cut: ${text}`);
    text += decoder.decode(value, { stream: true });
  }
  // What comes until the kill is nobody's.
  void reader?.cancel().catch(() => {});
  return { streamId, lastId: idsOf(text).at(-1) ?? 0 };
}

async function hasGap({ url, headers }: Front, { streamId, lastId }: BegunStream): Promise<boolean> {
  const response = await fetch(`${url}/api/chat/stream/${streamId}`, {
    headers: { ...headers, "last-event-id": `${lastId}` },
  });
  const text = await response.text();
  const ids = idsOf(text);
  const follows = ids.length > 0 && ids.every((id, index) => id === lastId + 1 + index);
  const hasEnd = text.includes('"error"') || text.includes("[DONE]");
  if (response.status === 200 && follows && hasEnd) return false;
  console.error(`A stream that was seen to ${lastId} goes on as ${response.status} ${text.slice(0, 500)}`);
  return true;
}

/** Of whole frames. */
function idsOf(text: string): number[] {
  const end = text.lastIndexOf("\n\n");
  return [...text.slice(0, Math.max(end, 0)).matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
}
