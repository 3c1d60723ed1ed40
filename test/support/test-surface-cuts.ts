// Streams of a surface that are cut: between any two bytes on their way to the client, which reads the same; and at any byte
// of the upstream's, which is an error until its finish has come.

import { describe, expect, test } from "bun:test";
import { isDeepStrictEqual } from "node:util";
import type { Surface } from "../../src/contract/surface.ts";
import { askSurface } from "./surface/ask-surface.ts";
import { patienceMs } from "../property/runs.ts";
import type { ClientAnswer } from "./surface/client-answer.ts";
import { expectedAnswer, isToldOn } from "./surface/sample-replies.ts";
import type { SurfaceSamples } from "./surface/surface-samples.ts";
import { playBytes, startSurfaceStage, streamOf } from "./surface/surface-stage.ts";
import { type Lane, type WireReply, writeReply } from "./surface/wire-replies.ts";

const words: WireReply = { reasoning: ["Hm."], text: ["é🙂"], usage: "silent" };
const calls: WireReply = {
  ...words,
  calls: [
    { name: "get_time", arguments: '{"a":1}' },
    { name: "get_weather", arguments: '{"b":2}' },
  ],
};

export function testSurfaceCuts(surface: Surface, samples: SurfaceSamples, lane: Lane): void {
  describe.each([words, calls].filter((reply) => isToldOn(samples, reply, lane)))("a reply of %j", (reply) => {
    testUpstreamCuts(surface, samples, lane, reply);
    // Whoever made it, what goes out is of one maker.
    if (lane === "compatible") testClientCuts(surface, samples, reply);
  });
}

function testClientCuts(surface: Surface, samples: SurfaceSamples, reply: WireReply): void {
  test(
    "cut between any two bytes on its way to the client reads the same",
    async () => {
      await using stage = await startSurfaceStage({ lane: "compatible" });
      stage.play(playBytes(writeReply("compatible", reply)));
      const response = await askSurface(surface, samples, stage, { stream: true, reply });
      const { headers } = response;
      const bytes = await response.bytes();
      const read = (...chunks: Uint8Array[]) => samples.readEvents(new Response(streamOf(chunks), { headers }));
      const whole = await read(bytes);
      const cuts: number[] = [];
      for (let at = 1; at < bytes.length; at++) {
        const events = await read(bytes.subarray(0, at), bytes.subarray(at));
        if (!isDeepStrictEqual(events, whole)) cuts.push(at);
      }

      expect(cuts).toEqual([]);
      expect(await read(...Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual([...whole]);
      expect(whole.length).toBeGreaterThan(1);
    },
    patienceMs,
  );
}

function testUpstreamCuts(surface: Surface, samples: SurfaceSamples, lane: Lane, reply: WireReply): void {
  const whole = expectedAnswer(samples, reply);

  describe("an upstream's body that is cut at any byte", () => {
    const bytes = new TextEncoder().encode(writeReply(lane, reply));
    /** Before its last event the upstream has not said that it is done. */
    const mustFailBefore = lastEvent(bytes, lane);

    test(
      "is an error in the stream until its finish has come, then an answer",
      async () => {
        await using stage = await startSurfaceStage({ lane });
        const readOnce = rememberAnswers();
        let isWhole = false;
        for (let at = 0; at <= bytes.length; at++) {
          stage.play(playBytes(bytes.subarray(0, at)));
          const response = await askSurface(surface, samples, stage, { stream: true, reply });
          const { status, headers } = response;
          const body = await response.text();
          const problems = status === 200 ? samples.checkStream(body) : samples.checkError(JSON.parse(body), status);
          expect({ at, body, problems }).toEqual({ at, body, problems: [] });
          const answer = await readOnce(body, () => samples.read(new Response(body, { status, headers }), true));
          if (answer.error === undefined) {
            expect(at).toBeGreaterThan(mustFailBefore);
            expect(answer).toEqual({ ...whole, usage: expect.anything() });
            isWhole = true;
          } else {
            expect({ at, isWhole }).toEqual({ at, isWhole: false });
            expect(whole.text).toStartWith(answer.text);
          }
        }
        expect(isWhole).toBe(true);
      },
      patienceMs,
    );

    test(
      "is an error status for whoever wants it whole",
      async () => {
        await using stage = await startSurfaceStage({ lane });
        let last = 0;
        // The decoder is that of the streams, which are cut at every byte.
        const cuts = Array.from({ length: Math.ceil(bytes.length / 5) }, (_, index) => index * 5);
        for (const at of [...cuts, bytes.length]) {
          stage.play(playBytes(bytes.subarray(0, at)));
          const response = await askSurface(surface, samples, stage, { stream: false, reply });
          const value: unknown = await response.json();
          last = response.status;
          const problems = last === 200 ? samples.checkAnswer(value) : samples.checkError(value, last);
          expect({ at, problems }).toEqual({ at, problems: [] });
          if (at <= mustFailBefore) expect({ at, last }).toEqual({ at, last: 502 });
        }
        expect(last).toBe(200);
      },
      patienceMs,
    );
  });
}

/** Most cuts differ in nothing but ids and times from the one before: a client reads it once. */
function rememberAnswers() {
  const answers = new Map<string, Promise<ClientAnswer>>();
  return (body: string, read: () => Promise<ClientAnswer>): Promise<ClientAnswer> => {
    const key = body.replaceAll(/[0-9a-f]{24,}|\d{10}|"signature":"[^"]*"/g, "");
    const answer = answers.get(key) ?? read();
    answers.set(key, answer);
    return answer;
  };
}

/** Where the event begins that says the end. */
function lastEvent(bytes: Uint8Array, lane: Lane): number {
  const text = Buffer.from(bytes).toString("latin1");
  return lane === "web" ? text.lastIndexOf("data: ") : text.search(/data: [^\n]*"finish_reason":"/);
}
