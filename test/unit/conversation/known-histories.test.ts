// The beginning that a history has in common with an earlier one is the same objects; what is kept for that has an end.

import { expect, test } from "bun:test";
import { LongText } from "../../../src/conversation/long-text.ts";
import { parseBody } from "../../../src/conversation/parse-body.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

interface Said {
  readonly role: string;
  readonly content: unknown;
  readonly cache_control?: unknown;
}

const say = (name: string, from: number, count: number, chars = 20): Said[] =>
  Array.from({ length: count }, (_, at) => ({
    role: at % 2 === 0 ? "user" : "assistant",
    content: `${name} ${from + at} ${"x".repeat(chars)}`,
  }));

const written = (messages: readonly unknown[]): string =>
  JSON.stringify({ model: "qwen3-max", messages, pad: "x".repeat(1024) });

function parse(scope: string, messages: readonly unknown[]): readonly Said[] {
  return (parseBody(encoder.encode(written(messages)), scope) as { messages: Said[] }).messages;
}

/** How many of the first are the same objects. */
function sharedOf(first: readonly unknown[], second: readonly unknown[]): number {
  const other = first.findIndex((item, index) => item !== second[index]);
  return other < 0 ? first.length : other;
}

function plain(list: readonly Said[]): unknown {
  return list.map((item) => (item.content instanceof LongText ? { ...item, content: item.content.text } : item));
}

test("what a history has in common with the one before is the same objects, turn after turn", () => {
  let messages = say("grows", 0, 9, 600);
  let before = parse("c", messages);
  for (let turn = 0; turn < 120; turn++) {
    messages = [...messages, ...say(`turn ${turn}`, messages.length, 2, turn % 3 === 0 ? 600 : 10)];
    const now = parse("c", messages);

    expect(sharedOf(before, now)).toBe(before.length);
    expect(plain(now)).toEqual(messages);
    before = now;
  }
});

test("a history that is most of what came is kept where it stands; another one holds nothing else of it", () => {
  const bufferOf = (body: Uint8Array): unknown => {
    const { messages } = parseBody(body, "c") as { messages: Said[] };
    return messages[0]?.content instanceof LongText && messages[0].content.json.buffer;
  };
  const whole = encoder.encode(written(say("most of it", 0, 9, 600)));
  expect(bufferOf(whole)).toBe(whole.buffer);

  const padded = encoder.encode(
    written([...say("little of it", 0, 9, 600)]).replace('"pad":"', `"pad":"${"x".repeat(3000)}`),
  );
  expect(bufferOf(padded)).not.toBe(padded.buffer);
});

test("where the newest items come back in another spelling, those before are the same objects", () => {
  const marked = (list: Said[]): Said[] => list.with(-1, { ...list.at(-1)!, cache_control: { type: "ephemeral" } });
  let messages = say("marked", 0, 9);
  let before = parse("c", marked(messages));
  for (let turn = 0; turn < 40; turn++) {
    messages = [...messages, ...say(`turn ${turn}`, 0, 2)];
    const now = parse("c", marked(messages));

    expect(sharedOf(before, now)).toBe(before.length - 1);
    expect(now).toEqual(marked(messages));
    before = now;
  }
});

test("two histories that part after a common beginning are known beside one another", () => {
  const beginning = say("common", 0, 20);
  const one = parse("c", [...beginning, ...say("one", 0, 20)]);
  const other = parse("c", [...beginning, ...say("other", 0, 20)]);
  const oneMore = parse("c", [...beginning, ...say("one", 0, 20), ...say("more", 0, 2)]);
  const otherMore = parse("c", [...beginning, ...say("other", 0, 20), ...say("more", 0, 2)]);

  expect(sharedOf(one, oneMore)).toBe(40);
  expect(sharedOf(other, otherMore)).toBe(40);
  expect(plain(oneMore)).toEqual([...beginning, ...say("one", 0, 20), ...say("more", 0, 2)]);
});

test("of another caller, and of nobody, nothing is known", () => {
  const messages = say("whose", 0, 12);
  const own = parse("c", messages);

  expect(sharedOf(own, parse("d", messages))).toBe(0);
  expect(sharedOf(own, parse("c", messages))).toBe(12);
  expect(own[0]).not.toBe((parseBody(encoder.encode(written(messages))) as { messages: Said[] }).messages[0]);
});

test("short histories are kept by nobody", () => {
  const messages = say("short", 0, 7);

  expect(sharedOf(parse("c", messages), parse("c", messages))).toBe(0);
});

test("what follows a known beginning is refused where it would be refused behind the whole", () => {
  const messages = say("follows", 0, 10);
  parse("c", messages);
  const body = written(messages);
  const end = body.indexOf(`],"pad"`);
  for (const wrong of [".5", "e5", "5", ":1", '"a"', "{}", "[]", "null", ",", "]"]) {
    const sent = encoder.encode(body.slice(0, end) + wrong + body.slice(end));
    expect(() => JSON.parse(decoder.decode(sent))).toThrow();
    expect(() => parseBody(sent, "c")).toThrow();
  }
  expect(parse("c", [...messages, ...say("more", 0, 1)])).toEqual([...messages, ...say("more", 0, 1)]);
});

test("items that are neither objects nor lists are read as they stand, each time", () => {
  const strange = [...say("strange", 0, 9), 5, "text", null, ...say("strange", 9, 3), true];
  for (const list of [strange, strange, [...strange, ...say("more", 0, 2)], strange.slice(0, 10)]) {
    expect(parse("c", list) as unknown).toEqual(list);
  }
});

test("names of a list that stand twice, or in another spelling, are read as JSON has it", () => {
  const [one, other] = [say("one", 0, 10), say("other", 0, 10)];
  const pad = `"pad":"${"x".repeat(1024)}"`;
  for (let round = 0; round < 2; round++) {
    for (const name of ["messages", "\\u006dessages"]) {
      const body = `{"messages":${JSON.stringify(one)},"${name}":${JSON.stringify(other)},${pad}}`;
      expect(parseBody(encoder.encode(body), "c")).toEqual(JSON.parse(body));
    }
    expect(parse("c", one)).toEqual(one);
  }
});

test("a text that is kept does not hold the body that it came in", () => {
  let messages = say("held", 0, 10, 600);
  const bodies: (readonly Said[])[] = [];
  for (let turn = 0; turn < 50; turn++) {
    messages = [...messages, ...say(`turn ${turn}`, 0, 2, 2000)];
    bodies.push(parse("c", messages));
  }
  const buffers = new Set(bodies.flatMap((list) => list.map(({ content }) => (content as LongText).json.buffer)));
  const held = [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0);

  expect(held).toBeLessThan(2 * written(messages).length + 64 * 1024);
});

test("the history that was not used for longest is forgotten first, and one beyond all bounds at once", () => {
  const kept = say("kept", 0, 10);
  const first = parse("c", kept);
  const forgotten = parse("c", say("forgotten", 0, 10));
  for (let at = 0; at < 63; at++) {
    parse("c", say(`other ${at}`, 0, 10));
    expect(sharedOf(first, parse("c", kept))).toBe(10);
  }
  expect(sharedOf(forgotten, parse("c", say("forgotten", 0, 10)))).toBe(0);

  const huge = say("huge", 0, 10, 500_000);
  expect(sharedOf(parse("c", huge), parse("c", huge))).toBe(0);
  expect(sharedOf(first, parse("c", kept))).toBe(10);

  const large = Array.from({ length: 5 }, (_, at) => say(`large ${at}`, 0, 10, 200_000));
  for (const messages of large) parse("c", messages);
  expect(sharedOf(first, parse("c", kept))).toBe(0);
});
