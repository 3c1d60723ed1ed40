// What must hold for every stream, however it is cut and wherever its connections drop.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { streamSSE, streamWithReconnect } from "../../../src/client/client.ts";
import { type Drop, startChatServer, streamId } from "./chat-server.ts";
import { createEar, frame, hastyTimers, scriptedFetch, streamOf } from "./stage.ts";

const eventOf = fc.oneof(
  { weight: 5, arbitrary: fc.record({ token: fc.string({ unit: "grapheme", maxLength: 12 }) }) },
  fc.record({ reasoning: fc.string({ unit: "binary", maxLength: 5 }) }),
  fc.record({ stage: fc.constantFrom("retrieval", "generation") }),
  fc.record({ quality_score: fc.constantFrom(0, 0.5, 1) }),
  fc.record({ token: fc.string({ maxLength: 3 }), follow_up_questions: fc.array(fc.string(), { maxLength: 2 }) }),
);

/** What an ear hears of events that come once, in order. */
function expectedOf(events: readonly Readonly<Record<string, unknown>>[]): unknown[][] {
  const names = [
    ["metadata", "metadata"],
    ["stage", "stage"],
    ["reasoning", "reasoning"],
    ["token", "token"],
    ["quality_score", "quality"],
    ["follow_up_questions", "follow-ups"],
  ] as const;
  const heard = events.flatMap((event) =>
    names.filter(([key]) => key in event).map(([key, name]) => [name, event[key]]),
  );
  return [...heard, ["complete"]];
}

/** The bytes cut at these places, which may repeat. */
function cutBytes(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const cuts = [...places.map((place) => Math.floor(place * bytes.length)), bytes.length].sort(
    (one, other) => one - other,
  );
  return cuts.map((cut, index) => bytes.subarray(cuts[index - 1] ?? 0, cut));
}

describe("streamSSE", () => {
  test("delivers each event once, however its bytes are split [R3-073]", async () => {
    const place = fc.double({ min: 0, max: 1, noNaN: true });
    const lineEnd = fc.constantFrom("\n", "\r\n", "\r");
    await fc.assert(
      fc.asyncProperty(
        fc.array(eventOf, { maxLength: 12 }),
        fc.array(place, { maxLength: 30 }),
        lineEnd,
        fc.boolean(),
        async (events, places, end, isMarked) => {
          const frames =
            events.map((event, index) => frame(event, index + 1)).join("") + (isMarked ? frame("[DONE]") : "");
          const bytes = new TextEncoder().encode(frames.replaceAll("\n", end));
          const ear = createEar();
          const { fetch } = scriptedFetch(streamOf(...cutBytes(bytes, places)));

          await streamSSE("/stream", {}, ear.callbacks, undefined, { fetch, timers: hastyTimers });

          expect(ear.heard).toEqual(expectedOf(events) as never);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("loses and repeats nothing, wherever a real server drops its connections [R3-073] [R3-077]", async () => {
    const events = [
      { metadata: { stream_id: streamId } },
      { stage: "generation" },
      ...Array.from({ length: 8 }, (_, index) => ({ token: `${index} ` })),
      { quality_score: 1 },
    ];
    const expected = expectedOf(events);
    for (const how of ["break", "end"] as const) {
      for (let afterEvents = 0; afterEvents <= events.length; afterEvents += 1) {
        for (const strayBytes of [0, 7, 24]) {
          await using server = await startChatServer(events, [{ afterEvents, strayBytes, how }]);
          const ear = createEar();

          await streamSSE(server.url, {}, ear.callbacks, undefined, { resume: true, timers: hastyTimers, log() {} });

          expect([how, afterEvents, strayBytes, ear.heard.filter(([name]) => name !== "reconnect")]).toEqual([
            how,
            afterEvents,
            strayBytes,
            expected as never,
          ]);
        }
      }
    }
  });
});

describe("streamWithReconnect", () => {
  test("loses and repeats nothing over many drops [R3-070] [R3-077]", async () => {
    const drop: fc.Arbitrary<Drop> = fc.record({
      afterEvents: fc.nat({ max: 5 }),
      strayBytes: fc.nat({ max: 40 }),
      how: fc.constantFrom("break", "end"),
    });
    const isEager = fc.record({ sendsHeader: fc.boolean(), ignoresLastEventId: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(
        fc.array(eventOf, { maxLength: 10 }),
        fc.array(drop, { maxLength: 5 }),
        isEager,
        async (others, drops, options) => {
          const events = [{ metadata: { stream_id: streamId } }, ...others];
          await using server = await startChatServer(events, drops, options);
          const ear = createEar();

          await streamWithReconnect(server.url, {}, ear.callbacks, undefined, { timers: hastyTimers, log() {} });

          expect(ear.heard.filter(([name]) => name !== "reconnect")).toEqual(expectedOf(events) as never);
        },
      ),
      { numRuns: 60 },
    );
  });
});
