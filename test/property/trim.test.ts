// Whatever a history looks like and however little may be left of it: what belongs together stays together, and what must
// stay stays, in its order.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Message } from "../../src/contract/chat-request.ts";
import { estimateMessages } from "../../src/conversation/estimate-prompt.ts";
import { trimMessages, trimStrategies } from "../../src/conversation/trim-messages.ts";
import { findBrokenCall } from "../../src/emulator/openai-compatible/checks.ts";
import { assistant, call, result, system, user } from "../unit/conversation/messages.ts";
import { patienceMs, runsOf } from "./runs.ts";

const text = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.integer({ min: 1500, max: 6000 }).map((length) => "lorem ipsum ".repeat(length).slice(0, length)),
  fc.integer({ min: 900, max: 2000 }).map((length) => "🙂好".repeat(length)),
);

/** Calls and their results, right behind one another; some ids come again and again. */
const step = fc
  .tuple(
    fc.uniqueArray(fc.constantFrom("0", "1", "2", "3"), { minLength: 1 }),
    text,
    fc.array(text, { minLength: 4, maxLength: 4 }),
  )
  .map(([ids, said, results]): Message[] => [
    assistant(said, ...ids.map((id) => call(id, "read", "{}"))),
    ...ids.map((id, index) => result(id, results[index] ?? "")),
  ]);
const answer = text.map((said): Message[] => [assistant(said)]);
const rule = text.map((said): Message[] => [system(said)]);
const turn = fc
  .tuple(
    fc.array(text, { minLength: 1, maxLength: 2 }),
    fc.array(fc.oneof({ weight: 3, arbitrary: step }, { weight: 2, arbitrary: answer }, rule), { maxLength: 5 }),
  )
  .map(([asked, rest]): Message[] => [...asked.map((one) => user(one)), ...rest.flat()]);
/** As clients send it: every call is answered at once. */
const soundHistory = fc
  .tuple(fc.array(rule, { maxLength: 2 }), fc.array(turn, { minLength: 1, maxLength: 6 }))
  .map(([rules, turns]): Message[] => [...rules.flat(), ...turns.flat()]);
/** In any order: results without calls, calls without results, late ones, no user at all. */
const anyHistory = fc.array(
  fc.oneof(
    text.map((said) => user(said)),
    text.map((said) => system(said)),
    text.map((said) => assistant(said)),
    fc.constantFrom("0", "1", "2").map((id) => assistant(undefined, call(id, "read", "{}"))),
    fc.tuple(fc.constantFrom("0", "1", "2", "3"), text).map(([id, said]) => result(id, said)),
  ),
  { maxLength: 25 },
);
const strategy = fc.constantFrom(...trimStrategies);
const maxTokens = fc.oneof(fc.integer({ min: -10, max: 20_000 }), fc.constant(0));

const runs = 300;

describe("trimMessages", () => {
  test(
    "keeps order, system messages, the last user message and all behind it, and only old results get shorter",
    () => {
      fc.assert(
        fc.property(fc.oneof(soundHistory, anyHistory), strategy, maxTokens, (messages, chosen, most) => {
          const { messages: trimmed, kept, changed, tokens } = trimMessages(messages, chosen, most);

          expect(kept).toEqual([...new Set(kept)].sort((one, other) => one - other));
          expect(trimmed).toHaveLength(kept.length);
          const isKept = new Set(kept);
          const lastAsked = messages.findLastIndex(({ role }) => role === "user");
          for (const [index, message] of messages.entries()) {
            if (message.role === "system" || lastAsked < 0 || index >= lastAsked) expect(isKept.has(index)).toBe(true);
          }
          const lastAnswer = messages.slice(0, -1).findLastIndex(({ role }) => role === "assistant");
          let shortened = 0;
          for (const [place, index] of kept.entries()) {
            const [before, after] = [messages[index], trimmed[place]];
            if (before === after) continue;
            shortened++;
            expect([before?.role, after?.role]).toEqual(["tool", "tool"]);
            expect(index).toBeLessThan(lastAnswer);
            expect(estimateMessages([after!])).toBeLessThan(estimateMessages([before!]));
            expect(JSON.stringify(after).isWellFormed()).toBe(true);
          }
          expect(changed).toBe(messages.length - kept.length + shortened);
          expect(tokens).toBe(estimateMessages(trimmed));
          if (chosen === "oldest-turns") expect(shortened).toBe(0);
          if (chosen === "tool-results") expect(kept).toHaveLength(messages.length);
        }),
        runsOf("trimMessages keeps", runs),
      );
    },
    patienceMs,
  );

  test(
    "never parts a call from its result",
    () => {
      fc.assert(
        fc.property(soundHistory, strategy, maxTokens, (messages, chosen, most) => {
          // Those of the system may stand between others: servers are sent them first.
          const told = (list: readonly Message[]) => list.filter(({ role }) => role !== "system").map(asServersReadIt);
          fc.pre(findBrokenCall(told(messages)) === undefined);
          expect(findBrokenCall(told(trimMessages(messages, chosen, most).messages))).toBeUndefined();
        }),
        runsOf("trimMessages parts nothing", runs),
      );
    },
    patienceMs,
  );

  test(
    "a result goes with the newest call of its id, be it ever so late",
    () => {
      fc.assert(
        fc.property(anyHistory, strategy, maxTokens, (messages, chosen, most) => {
          const kept = new Set(trimMessages(messages, chosen, most).kept);
          for (const [index, message] of messages.entries()) {
            if (message.role !== "tool") continue;
            const caller = messages
              .slice(0, index)
              .findLastIndex(
                (one) => one.role === "assistant" && one.toolCalls.some(({ callId }) => callId === message.callId),
              );
            if (caller >= 0) expect(kept.has(caller)).toBe(kept.has(index));
          }
        }),
        runsOf("trimMessages late results", runs),
      );
    },
    patienceMs,
  );

  test(
    "fits when it can, and takes no more than it has to",
    () => {
      fc.assert(
        fc.property(soundHistory, strategy, maxTokens, (messages, chosen, most) => {
          const least = trimMessages(messages, chosen, Number.NEGATIVE_INFINITY);
          const trimmed = trimMessages(messages, chosen, most);
          if (least.tokens <= most) expect(trimmed.tokens).toBeLessThanOrEqual(most);
          else expect(trimmed).toEqual(least);
          if (estimateMessages(messages) <= most) expect(trimmed.changed).toBe(0);
          // Once more finds nothing left to do.
          if (trimmed.tokens <= most) expect(trimMessages(trimmed.messages, chosen, most).changed).toBe(0);
        }),
        runsOf("trimMessages fits", runs),
      );
    },
    patienceMs,
  );
});

function asServersReadIt(message: Message): Parameters<typeof findBrokenCall>[0][number] {
  return {
    role: message.role,
    text: "",
    content: "",
    images: [],
    calls:
      message.role === "assistant"
        ? message.toolCalls.map(({ callId, toolName, argumentsText }) => ({
            id: callId,
            name: toolName,
            argumentsText,
          }))
        : [],
    callId: message.role === "tool" ? message.callId : undefined,
    fields: {},
  };
}
