// The typed chat's stream by the measures of all surfaces, as far as they fit: any words, cut anywhere, between the server
// and its own client, and between the gateway and its upstream; and a well-formed end whatever happens.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { connectSSE, SSEError } from "../../src/client/client.ts";
import { patienceMs, runsOf } from "../property/runs.ts";
import { playBytes, startSurfaceStage, streamOf, type SurfaceStage } from "../support/surface/surface-stage.ts";
import { type Lane, type WireReply, writeReply } from "../support/surface/wire-replies.ts";
import { parseTyped, readTyped } from "./typed-client.ts";

const models: Readonly<Record<Lane, string>> = { web: "qwen3-max", compatible: "qwen3.6-27b" };
const words: WireReply = { reasoning: ["Hm."], text: ["é🙂", " b"], usage: "silent" };

function ask(stage: SurfaceStage): Promise<Response> {
  const options = { analysis: false, quality: false, follow_ups: false };
  return stage.post("/api/chat/stream", { message: "Hello", model: models[stage.lane], options });
}

interface ClientRead {
  readonly text: string;
  readonly reasoning: string;
  readonly failure: string | undefined;
}

/** By the library that comes with the gateway. */
async function readByClient(...chunks: readonly Uint8Array[]): Promise<ClientRead> {
  let text = "";
  let reasoning = "";
  let failure: string | undefined;
  const headers = { "content-type": "text/event-stream" };
  const fetch = async (): Promise<Response> => new Response(streamOf(chunks), { headers });
  try {
    await connectSSE(
      "http://gateway.test/api/chat/stream",
      { message: "Hello" },
      {
        onToken: (token) => (text += token),
        onReasoning: (thought) => (reasoning += thought),
      },
      undefined,
      { fetch },
    );
  } catch (error) {
    if (!(error instanceof SSEError)) throw error;
    failure = error.message;
  }
  return { text, reasoning, failure };
}

describe.each<Lane>(["web", "compatible"])("over a %s upstream", (lane) => {
  test(
    "any words arrive as they were said, however they are cut",
    async () => {
      await using stage = await startSurfaceStage({ lane });
      const piece = fc.string({ unit: "binary", minLength: 1, maxLength: 12 });
      await fc.assert(
        fc.asyncProperty(fc.array(piece, { maxLength: 5 }), fc.nat(), async (pieces, cut) => {
          const text = ["a", ...pieces, "z"];
          stage.play(playBytes(writeReply(lane, { text })));
          const bytes = await (await ask(stage)).bytes();
          const at = cut % bytes.length;

          expect(await readByClient(bytes.subarray(0, at), bytes.subarray(at))).toEqual({
            text: text.join(""),
            reasoning: "",
            failure: undefined,
          });
        }),
        runsOf("words of the typed chat", 60),
      );
    },
    patienceMs,
  );

  test(
    "an upstream's body that is cut at any byte ends it with an error until its finish has come",
    async () => {
      await using stage = await startSurfaceStage({ lane });
      const bytes = new TextEncoder().encode(writeReply(lane, words));
      let isWhole = false;
      for (let at = 0; at <= bytes.length; at++) {
        stage.play(playBytes(bytes.subarray(0, at)));
        const response = await ask(stage);
        expect(response.status).toBe(200);
        const answer = await readTyped(response);

        // An error is the end itself.
        expect({ at, isDone: answer.isDone }).toEqual({ at, isDone: answer.error === undefined });
        expect(answer.frames.map(({ id }) => id)).toEqual(answer.frames.map((_, index) => index + 1));
        if (answer.error === undefined) {
          isWhole = true;
          expect(answer.text).toBe("é🙂 b");
        } else {
          expect({ at, isWhole }).toEqual({ at, isWhole: false });
          expect(String(answer.error)).toMatch(/./);
          expect("é🙂 b").toStartWith(answer.text);
        }
      }
      expect(isWhole).toBe(true);
    },
    patienceMs,
  );
});

test(
  "cut between any two bytes on its way to the client reads the same",
  async () => {
    await using stage = await startSurfaceStage({ lane: "compatible" });
    stage.play(playBytes(writeReply("compatible", words)));
    const bytes = await (await ask(stage)).bytes();
    const whole = { text: "é🙂 b", reasoning: "Hm.", failure: undefined };
    expect(parseTyped(new TextDecoder().decode(bytes)).length).toBeGreaterThan(4);
    for (let at = 1; at < bytes.length; at++) {
      expect(await readByClient(bytes.subarray(0, at), bytes.subarray(at))).toEqual(whole);
    }
    expect(await readByClient(...Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(whole);
  },
  patienceMs,
);
