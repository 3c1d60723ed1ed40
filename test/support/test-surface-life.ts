// How streams of a surface live: heartbeats while nothing is said, and what becomes of the upstream when the client leaves.

import { expect, test } from "bun:test";
import type { Surface } from "../../src/contract/surface.ts";
import { askSurface } from "./surface/ask-surface.ts";
import { everything, expectedAnswer, isToldOn, sampleReplies } from "./surface/sample-replies.ts";
import type { SurfaceSamples } from "./surface/surface-samples.ts";
import { type PlayedAnswer, startSurfaceStage } from "./surface/surface-stage.ts";
import { type Lane, writeReply } from "./surface/wire-replies.ts";

/** An answer that a test goes on with. */
interface HeldAnswer {
  readonly answer: PlayedAnswer;
  say(text: string): void;
  end(): void;
  /** Resolves when nobody reads it any more. */
  readonly left: Promise<void>;
}

function holdAnswer(): HeldAnswer {
  const left = Promise.withResolvers<void>();
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(own) {
      controller = own;
    },
    cancel: () => left.resolve(),
  });
  return {
    answer(request) {
      request.signal.addEventListener("abort", () => left.resolve());
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    },
    say: (text) => controller?.enqueue(new TextEncoder().encode(text)),
    end: () => controller?.close(),
    left: left.promise,
  };
}

/** Reads on until that stands in what has been read. */
class Reading {
  text = "";
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();

  constructor(response: Response) {
    this.#reader = response.body!.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  }

  async until(test: (text: string) => boolean): Promise<void> {
    while (!test(this.text)) {
      const { done, value } = await this.#reader.read();
      if (done) return;
      this.text += this.#decoder.decode(value, { stream: true });
    }
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}

export function testSurfaceLife(surface: Surface, samples: SurfaceSamples, lane: Lane): void {
  const reply = isToldOn(samples, everything, lane) ? everything : sampleReplies["thoughts and words"]!;
  const beats = (text: string): number => text.split(samples.heartbeat).length - 1;

  test("heartbeats stand before and between the words, and change nothing of them", async () => {
    await using stage = await startSurfaceStage({
      lane,
      environment: { HOLD_HEADERS_MS: "5", SSE_KEEPALIVE_MS: "10" },
    });
    const held = holdAnswer();
    stage.play(held.answer);
    const response = await askSurface(surface, samples, stage, { stream: true, reply });
    const reading = new Reading(response);
    const said = writeReply(lane, reply);
    const middle = said.indexOf("friend") > 0 ? said.indexOf("friend") : said.indexOf("Hello");

    await reading.until((text) => beats(text) >= 3);
    held.say(said.slice(0, middle));
    const before = beats(reading.text);
    await reading.until((text) => beats(text) >= before + 3);
    held.say(said.slice(middle));
    held.end();
    await reading.until(() => false);

    expect(samples.checkStream(reading.text)).toEqual([]);
    const { headers } = response;
    expect(await samples.read(new Response(reading.text, { headers }), true)).toEqual(expectedAnswer(samples, reply));
  });

  test("a stream that fails behind its heartbeats ends with an error", async () => {
    await using stage = await startSurfaceStage({
      lane,
      environment: { HOLD_HEADERS_MS: "5", SSE_KEEPALIVE_MS: "10" },
    });
    const held = holdAnswer();
    stage.play(held.answer);
    const response = await askSurface(surface, samples, stage, { stream: true });
    const reading = new Reading(response);
    await reading.until((text) => beats(text) >= 2);
    held.end();
    await reading.until(() => false);

    expect(samples.checkStream(reading.text)).toEqual([]);
    const { headers } = response;
    const { error, text } = await samples.read(new Response(reading.text, { headers }), true);
    expect(text).toBe("");
    expect(error?.message).toMatch(/./);
  });

  test("a client that leaves in the middle of a stream ends the upstream's", async () => {
    await using stage = await startSurfaceStage({ lane });
    const held = holdAnswer();
    stage.play(held.answer);
    const said = writeReply(lane, { text: ["Hello ", "friend."] });
    held.say(said.slice(0, said.indexOf("friend.")));
    const reading = new Reading(await askSurface(surface, samples, stage, { stream: true }));
    await reading.until((text) => text.includes("Hello"));
    await reading.cancel();

    await held.left;
  });

  test.each([true, false])(
    "a client that leaves before the first word ends the upstream's; streamed: %p",
    async (stream) => {
      await using stage = await startSurfaceStage({ lane });
      const asked = Promise.withResolvers<void>();
      const held = holdAnswer();
      stage.play((request) => {
        asked.resolve();
        return held.answer(request);
      });
      const client = new AbortController();
      // The beginning, in which the web backend tells the ids of the reply.
      held.say(`${writeReply(lane, {}).split("\n\n", 1)[0]}\n\n`);
      const answer = askSurface(surface, samples, stage, { stream, signal: client.signal });
      await asked.promise;
      client.abort();

      await held.left;
      await answer.then(
        (response) => response.body?.cancel(),
        () => undefined,
      );
    },
  );
}
