// Random trees of conversations, with edits, branches, hang-ups, failures and restarts, against the emulator as judge.

import { test } from "bun:test";
import fc from "fast-check";
import { type Ask, answerOf, createWorld, type Place, type World } from "./chain-world.ts";
import { patienceMs, runsOf } from "./runs.ts";

// Few questions and answers, so that equal histories and equal answers meet often.
const question = fc.constantFrom("q1", "q2");
const answer = fc.constantFrom(1, 2);
const turn = fc.record({
  /** Which place of those that are known by then. High numbers are the newest. */
  at: fc.nat({ max: 99 }),
  question,
  stream: fc.boolean(),
  reshaped: fc.boolean(),
});
type Turn = typeof turn extends fc.Arbitrary<infer Value> ? Value : never;

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("say"), turn, answer }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("say all"),
      turns: fc.array(turn, { minLength: 2, maxLength: 4 }),
      answer,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("leave"),
      turn,
      after: fc.constantFrom("first word", "nothing"),
      keeps: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("fail"),
      turn,
      how: fc.constantFrom("drop", "end", "chat gone", "refusal"),
      answer,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart") }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("forget") }) },
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

function askOf(world: World, { at, ...rest }: Turn, choice: readonly Place[] = world.places): Ask {
  return { ...rest, from: choice[at % choice.length]! };
}

async function take(world: World, next: Step): Promise<void> {
  const { emulator } = world.harness;
  switch (next.kind) {
    case "say":
      emulator.script({ reply: { chunks: answerOf(next.answer) } });
      return void (await world.say(askOf(world, next.turn)));
    case "say all": {
      emulator.script({ reply: { chunks: answerOf(next.answer) }, times: next.turns.length });
      const first = askOf(world, next.turns[0]!);
      // Of one caller, because two callers' equal turns could not be told apart.
      const own = world.places.filter((place) => place.key === first.from.key);
      return world.sayAll(next.turns.map((one) => askOf(world, one, own)));
    }
    case "leave": {
      const ask = askOf(world, next.turn);
      // Known chats are given two seconds to settle when nobody could say that they were stopped: too long for here.
      return world.leave(ask, world.isKnown(ask.from) ? "first word" : next.after, next.keeps);
    }
    case "fail":
      if (next.how === "drop" || next.how === "end") {
        emulator.script({ reply: { chunks: answerOf(9), faults: [{ kind: next.how, after: 2 }] } });
      } else {
        emulator.script({ refuse: next.how === "chat gone" ? "chat-not-exist" : "internal-error" });
        emulator.script({ reply: { chunks: answerOf(next.answer) } });
      }
      return void (await world.say(askOf(world, next.turn), next.how === "chat gone" ? "refused" : "open"));
    case "restart":
      return world.harness.restart();
    case "forget":
      return world.forget();
    default:
      next satisfies never;
  }
}

test(
  "a turn continues exactly its own branch, whatever happened before [RC-006]",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 24 }), async (steps) => {
        await using world = await createWorld();
        for (const next of steps) await take(world, next);
      }),
      runsOf("chain", 60),
    );
  },
  patienceMs,
);
