// What every surface must do, whatever it speaks. A surface's own test calls testSurface with its samples and adds only its
// oddities. The answers are made by the whole gateway over both kinds of upstream, and read by official clients.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Surface } from "../../src/contract/surface.ts";
import { patienceMs, runsOf } from "../property/runs.ts";
import { readCompatible } from "./compatible-recordings.ts";
import { askSurface, models } from "./surface/ask-surface.ts";
import { cutReplies, expectedAnswer, isToldOn, sampleReplies } from "./surface/sample-replies.ts";
import type { SurfaceSamples } from "./surface/surface-samples.ts";
import { playBytes, startSurfaceStage } from "./surface/surface-stage.ts";
import { type Lane, toldSentence, type WireReply, writeReply } from "./surface/wire-replies.ts";
import { testSurfaceCuts } from "./test-surface-cuts.ts";
import { testSurfaceLife } from "./test-surface-life.ts";

export function testSurface(surface: Surface, samples: SurfaceSamples): void {
  describe(`${surface.name} as a surface`, () => {
    describe.each<Lane>(["web", "compatible"])("over a %s upstream", (lane) => {
      testAnswers(surface, samples, lane);
      testFailures(surface, samples, lane);
      testSurfaceLife(surface, samples, lane);
      testSurfaceCuts(surface, samples, lane);
    });
    testRefusals(surface, samples);
  });
}

/** A body as it came, checked. */
async function readChecked(samples: SurfaceSamples, response: Response, stream: boolean) {
  const body = await response.text();
  const { status, headers } = response;
  const problems = stream ? samples.checkStream(body) : samples.checkAnswer(JSON.parse(body));
  expect({ body, problems }).toEqual({ body, problems: [] });
  return samples.read(new Response(body, { status, headers }), stream);
}

function testAnswers(surface: Surface, samples: SurfaceSamples, lane: Lane): void {
  const replies = Object.entries({ ...sampleReplies, ...(lane === "web" ? {} : cutReplies) });
  describe.each(replies.filter(([, reply]) => isToldOn(samples, reply, lane)))("%s", (_name, reply) => {
    test.each([true, false])(
      "has one start, its parts in order, one end, and its usage; streamed: %p",
      async (stream) => {
        await using stage = await startSurfaceStage({ lane });
        stage.play(playBytes(writeReply(lane, reply)));
        const response = await askSurface(surface, samples, stage, { stream, reply });

        expect(response.status).toBe(200);
        expect(response.headers.get("content-type")).toStartWith(stream ? "text/event-stream" : "application/json");
        expect(response.headers.get("x-request-id")).toMatch(/^req_/);
        expect(await readChecked(samples, response, stream)).toEqual(expectedAnswer(samples, reply));
      },
    );
  });

  test.each([true, false])("the usage is estimated where the upstream does not count; streamed: %p", async (stream) => {
    await using stage = await startSurfaceStage({ lane });
    stage.play(playBytes(writeReply(lane, { text: ["Hello friend, how are you?"], usage: "silent" })));
    const { usage } = await readChecked(samples, await askSurface(surface, samples, stage, { stream }), stream);

    expect(usage?.input).toBeGreaterThan(0);
    expect(usage?.output).toBeGreaterThan(0);
  });

  test(
    "any words arrive as they were said, however they are cut",
    async () => {
      await using stage = await startSurfaceStage({ lane });
      const piece = fc.string({ unit: "binary", minLength: 1, maxLength: 12 });
      await fc.assert(
        fc.asyncProperty(fc.array(piece, { maxLength: 5 }), fc.boolean(), async (pieces, stream) => {
          // White space at both ends is the model's, and may be left out.
          const text = ["a", ...pieces, "z"];
          stage.play(playBytes(writeReply(lane, { text })));
          const answer = await readChecked(samples, await askSurface(surface, samples, stage, { stream }), stream);

          expect(answer.text).toBe(text.join(""));
        }),
        runsOf(`words on ${surface.name}`, 60),
      );
    },
    patienceMs,
  );
}

/** What a server refuses, in the words of the lane. */
const refusals: Readonly<Record<Lane, readonly (readonly [name: string, status: number, answer: () => Response])[]>> = {
  web: [
    ["a daily limit", 429, () => webRefusal({ code: "RateLimited", num: 3, template: "x" })],
    ["a filter", 400, () => webRefusal({ code: "data_inspection_failed", details: "inappropriate content" })],
    ["a fault", 502, () => new Response("<html>Bad gateway</html>", { status: 502 })],
  ],
  compatible: [
    ["a limit", 429, () => refusal("dashscope-err-429-rate-quota.json", 429)],
    ["a filter", 400, () => refusal("dashscope-err-400-data_inspection_failed.json", 400)],
    ["a prompt that is too long", 400, () => refusal("vllm-err-400-context-length.json", 400)],
    ["a wrong key", 502, () => refusal("dashscope-err-401-invalid_api_key.json", 401)],
    ["a fault", 502, () => new Response("<html>Bad gateway</html>", { status: 502 })],
  ],
};

function webRefusal(data: object): Response {
  return Response.json({ success: false, request_id: "r", data });
}

function refusal(recording: string, status: number): Response {
  return new Response(readCompatible(recording), { status, headers: { "content-type": "application/json" } });
}

function testFailures(surface: Surface, samples: SurfaceSamples, lane: Lane): void {
  describe.each(refusals[lane])("%s of the upstream", (_name, status, answer) => {
    test.each([true, false])("is told by a status and in the surface's own shape; streamed: %p", async (stream) => {
      await using stage = await startSurfaceStage({ lane });
      stage.play(answer);
      const response = await askSurface(surface, samples, stage, { stream });
      const body = await response.text();

      expect(response.status).toBe(status);
      expect(response.headers.get("content-type")).toStartWith("application/json");
      expect(samples.checkError(JSON.parse(body), status)).toEqual([]);
      expect(body).not.toContain("<html>");
      const { headers } = response;
      const { error } = await samples.read(new Response(body, { status, headers }), stream);
      expect(error?.status).toBe(status);
      expect(response.headers.has("retry-after")).toBe(status === 429);
    });
  });

  const breaks = ["error", "end"] as const;
  test.each(breaks)(
    "a stream that breaks off by an %s ends with an error, and never as if it were whole",
    async (how) => {
      await using stage = await startSurfaceStage({ lane });
      const reply: WireReply = { reasoning: ["Hm."], text: ["Hello ", "friend."], breaks: how };
      stage.play(playBytes(writeReply(lane, reply)));
      const response = await askSurface(surface, samples, stage, { stream: true });
      const answer = await readChecked(samples, response, true);

      expect(answer.text).toBe("Hello friend.");
      expect(answer.finish).toBeUndefined();
      expect(answer.error?.message).toMatch(/./);
      if (how === "end") expect(answer.error?.message).not.toContain(toldSentence);
    },
  );

  test.each(breaks)("an answer that breaks off by an %s is no answer for whoever wants it whole", async (how) => {
    await using stage = await startSurfaceStage({ lane });
    stage.play(playBytes(writeReply(lane, { text: ["Hello ", "friend."], breaks: how })));
    const response = await askSurface(surface, samples, stage, { stream: false });
    const { status, headers } = response;
    const body = await response.text();

    expect(status).toBe(502);
    expect(samples.checkError(JSON.parse(body), status)).toEqual([]);
    expect((await samples.read(new Response(body, { status, headers }), false)).error?.status).toBe(502);
  });
}

function testRefusals(surface: Surface, samples: SurfaceSamples): void {
  test.each([...samples.refused])("a request is refused by the name of its field: %s", async (field, body) => {
    await using stage = await startSurfaceStage({ lane: "compatible" });
    for (const stream of [true, false]) {
      const response = await stage.post(surface.routes[0]!.path, { model: models.compatible, stream, ...body });
      const value = (await response.json()) as { readonly error: { readonly message: string } };

      expect(response.status).toBe(400);
      expect(samples.checkError(value, 400)).toEqual([]);
      expect(value.error.message).toContain(`"${field}"`);
    }
    expect(stage.asked).toEqual([]);
  });
}
