// A conversation that was begun on one surface goes on on another, through turns with tools, and stays one chat: for all
// pairs of surfaces, as all known clients of the second one spell what was said on the first.

import { expect, test } from "bun:test";
import { talkingNames, type TalkingName, talkingSurfaces } from "../support/echo/talking-surface.ts";
import { isOneChain, walk, walkAnswers, type WalkStep } from "../support/echo/walk-surfaces.ts";
import { startHarness } from "../support/harness.ts";
import { acceptedTurns } from "./client.ts";

const pairs = talkingNames.flatMap((from) => talkingNames.map((to) => [from, to] as const));
const firstClient = (on: TalkingName): string => talkingSurfaces[on].clients[0]!;

test.each(pairs)(
  "begun on %s, continued on %s by each of its clients: one chat, told what is new alone",
  async (from, to) => {
    await using harness = await startHarness();
    for (const [index, client] of talkingSurfaces[to].clients.entries()) {
      const stream = index % 2 === 0;
      const here: WalkStep = { on: from, client: firstClient(from), stream };
      const there: WalkStep = { on: to, client, stream: !stream };
      const before = acceptedTurns(harness).length;
      const answers = await walk(harness.post, `Ada${index}`, [here, there, here, there]);

      expect(answers).toMatchObject(walkAnswers(`Ada${index}`));
      const turns = acceptedTurns(harness).slice(before);
      expect(turns).toHaveLength(4);
      expect(isOneChain(turns)).toBe(true);
      expect(turns.filter(({ content }) => content.includes("My name is"))).toHaveLength(1);
    }
  },
);

test("what another client says under the same history is not mixed with it", async () => {
  await using harness = await startHarness();
  const step = (on: TalkingName): WalkStep => ({ on, client: firstClient(on), stream: true });
  await walk(harness.post, "Ada", [step("chat"), step("messages"), step("responses"), step("chat")]);
  const before = acceptedTurns(harness).length;
  // Its answers have the same words: it branches, or takes a chat of its own.
  await walk(harness.post, "Ada", [step("responses"), step("chat"), step("messages"), step("messages")]);
  const turns = acceptedTurns(harness);

  expect(isOneChain(turns.slice(0, before))).toBe(true);
  expect(new Set(turns.map(({ responseId }) => responseId)).size).toBe(turns.length);
});
