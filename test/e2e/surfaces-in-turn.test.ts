// One conversation over all surfaces of the compiled executable, and one chat behind it: for all pairs, through turns with
// tools, and through a crash.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { talkingNames, type TalkingName, talkingSurfaces } from "../support/echo/talking-surface.ts";
import { isOneChain, walk, walkAnswers, type WalkStep } from "../support/echo/walk-surfaces.ts";
import { startStage, type Stage } from "./stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(20_000);

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage[Symbol.asyncDispose]());

const step = (on: TalkingName, stream: boolean): WalkStep => ({ on, client: talkingSurfaces[on].clients[0]!, stream });
const pairs = talkingNames.flatMap((from) => talkingNames.filter((to) => to !== from).map((to) => [from, to] as const));

test.each(pairs)("a conversation that goes from %s to %s and back is one chat", async (from, to) => {
  const name = `${from}-${to}`;
  const before = (await stage.emulator.turns()).length;
  const answers = await walk(stage.post, name, [step(from, true), step(to, true), step(from, false), step(to, false)]);
  const turns = (await stage.emulator.turns()).slice(before);

  expect(answers).toMatchObject(walkAnswers(name));
  expect(turns).toHaveLength(4);
  expect(isOneChain(turns)).toBe(true);
});

test("it goes on on another surface behind a crash", async () => {
  const before = (await stage.emulator.turns()).length;
  let asked = 0;
  const post: typeof stage.post = async (path, body) => {
    asked++;
    if (asked > 1) await stage.crashAndRestart();
    return stage.post(path, body);
  };
  const order = [step("messages", true), step("chat", true), step("responses", true), step("messages", false)] as const;
  const answers = await walk(post, "Grace", order);
  const turns = (await stage.emulator.turns()).slice(before);

  expect(answers).toMatchObject(walkAnswers("Grace"));
  expect(turns).toHaveLength(4);
  expect(isOneChain(turns)).toBe(true);
});
