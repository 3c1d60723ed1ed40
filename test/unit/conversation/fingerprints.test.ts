// Same meaning, same fingerprint; other meaning, another one. As clients were seen to send their histories back.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Message, ToolDefinition } from "../../../src/contract/chat-request.ts";
import { fingerprintHistory } from "../../../src/conversation/fingerprints.ts";
import { fingerprintReply } from "../../../src/conversation/reply-digest.ts";
import { assistant, call, prefixOf, result, system, textPart, user } from "./messages.ts";

const history: readonly Message[] = [
  system("You are helpful.", "Be brief."),
  user("List the files,", "then read one."),
  assistant(undefined, call("call_1", "list", '{"path":"/","depth":2}'), call("call_2", "read", '{"file":"a.txt"}')),
  result("call_1", "a.txt b.txt"),
  result("call_2", "hello"),
  assistant("There are two files."),
];

const replaceAt = (index: number, ...messages: Message[]): Message[] => history.toSpliced(index, 1, ...messages);
const calls = (first: string, second: string, ids = ["call_1", "call_2"]): Message =>
  assistant(undefined, call(ids[0]!, "list", first), call(ids[1]!, "read", second));

describe("fingerprintHistory does not see that", () => {
  const [listed, read] = ['{"path":"/","depth":2}', '{"file":"a.txt"}'];
  const sameMeaning: readonly [title: string, messages: readonly Message[]][] = [
    ["parts became one string", replaceAt(1, user("List the files,\nthen read one."))],
    ["one message became two", replaceAt(1, user("List the files,"), user("then read one."))],
    [
      "an answer in parts became one",
      replaceAt(5, { ...assistant("There are "), content: [textPart("There are "), textPart("two files.")] }),
    ],
    ["missing content became an empty string", replaceAt(2, { ...calls(listed, read), content: [textPart("")] })],
    [
      "missing content became a placeholder",
      replaceAt(2, { ...calls(listed, read), content: [textPart("(no content)")] }),
    ],
    ["missing content became a line end", replaceAt(2, { ...calls(listed, read), content: [textPart("\n")] })],
    [
      "reasoning was added",
      replaceAt(5, { role: "assistant", content: [textPart("There are two files.")], reasoning: "Hm.", toolCalls: [] }),
    ],
    [
      "arguments changed their order and their white space",
      replaceAt(2, calls('{ "depth": 2,\n  "path": "/" }', '{"file" : "a.txt"}')),
    ],
    ["white space changed", replaceAt(5, assistant("  There are\n\ttwo files. \n"))],
    [
      "call ids changed",
      history.toSpliced(2, 3, calls(listed, read, ["x", "y"]), result("x", "a.txt b.txt"), result("y", "hello")),
    ],
    ["results were dropped of their ids", history.toSpliced(3, 2, result("", "a.txt b.txt"), result("", "hello"))],
    ["results changed places", history.toSpliced(3, 2, result("call_2", "hello"), result("call_1", "a.txt b.txt"))],
    ["a result came in parts", replaceAt(3, result("call_1", "a.txt", "b.txt"))],
    [
      "parallel calls were split into two messages",
      replaceAt(2, assistant("", call("call_1", "list", listed)), assistant("", call("call_2", "read", read))),
    ],
    ["an empty answer was put in", replaceAt(1, user("List the files,"), assistant(""), user("then read one."))],
    ["the system block moved", [...history.slice(1, 5), system("You are helpful.\nBe brief."), history[5]!]],
    ["the system block changed", replaceAt(0, system("You are rude."))],
    ["the system block is gone", history.slice(1)],
  ];
  for (const [title, messages] of sameMeaning) {
    test(`${title}`, () => {
      const { unseenFrom: _, ...original } = prefixOf(history);
      expect(prefixOf(messages)).toMatchObject(original);
    });
  }

  test.each([
    ["of a line", "a\n  b", "a \t\n  b"],
    ["of all of it", "a", "a  "],
    ["before a CRLF", "a\r\nb", "a  \r\nb"],
    ["deep within", { list: [{ text: "a\nb" }] }, { list: [{ text: "a  \nb " }] }],
  ])("blanks at the end %s were taken off an argument", (_title, without, given) => {
    const withText = (text: unknown) =>
      prefixOf([user("go"), assistant("", call("1", "write", JSON.stringify({ text })))]).strict;
    expect(withText(given)).toBe(withText(without));
  });

  test("arguments were left out where there are none", () => {
    const withArguments = (text: string) => prefixOf([user("go"), assistant("", call("1", "now", text))]).strict;
    expect(new Set(["", " ", "{}", "{ }"].map(withArguments)).size).toBe(1);
  });
});

describe("fingerprintHistory sees that", () => {
  const image = (url: string): Message => ({ role: "user", content: [textPart("look"), { type: "image", url }] });
  const otherMeaning: readonly [title: string, messages: readonly Message[]][] = [
    ["a word of the user changed", replaceAt(1, user("List the files,", "then read two."))],
    ["a word of an answer changed", replaceAt(5, assistant("There are three files."))],
    ["two words were joined", replaceAt(5, assistant("There aretwo files."))],
    ["letters changed their case", replaceAt(5, assistant("there are two files."))],
    ["the roles were swapped", [user("There are two files."), assistant("List the files, then read one.")]],
    ["an argument changed", replaceAt(2, calls('{"path":"/","depth":3}', '{"file":"a.txt"}'))],
    ["an argument changed its type", replaceAt(2, calls('{"path":"/","depth":"2"}', '{"file":"a.txt"}'))],
    ["white space inside an argument changed", replaceAt(2, calls('{"path":"/","depth":2}', '{"file":" a.txt"}'))],
    [
      "a line end at the end of an argument is gone",
      replaceAt(2, calls('{"path":"/\\n","depth":2}', '{"file":"a.txt"}')),
    ],
    [
      "the calls changed places",
      replaceAt(
        2,
        assistant("", call("call_2", "read", '{"file":"a.txt"}'), call("call_1", "list", '{"path":"/","depth":2}')),
      ),
    ],
    [
      "another tool was called",
      replaceAt(
        2,
        assistant("", call("call_1", "ls", '{"path":"/","depth":2}'), call("call_2", "read", '{"file":"a.txt"}')),
      ),
    ],
    ["a result is missing", history.toSpliced(3, 1)],
    [
      "a result answers the other call",
      history.toSpliced(3, 2, result("call_1", "hello"), result("call_2", "a.txt b.txt")),
    ],
    ["a result became the user's text", replaceAt(4, user("hello"))],
    ["the turns changed places", [...history.slice(0, 1), assistant("There are two files."), ...history.slice(1, 5)]],
    ["a turn is missing", history.slice(0, 3)],
    ["an image came in", replaceAt(1, user("List the files,", "then read one."), image("https://a.example/1.png"))],
  ];
  for (const [title, messages] of otherMeaning) {
    test(`${title}`, () => {
      expect(prefixOf(messages).strict).not.toBe(prefixOf(history).strict);
    });
  }

  test("an image changed", () => {
    const withImage = (url: string) => prefixOf([image(url), assistant("A cat.")]).strict;
    expect(withImage("data:image/png;base64,AA==")).not.toBe(withImage("data:image/png;base64,AB=="));
  });

  test("another caller asks", () => {
    const [ours, theirs] = [prefixOf(history, "key-1"), prefixOf(history, "key-2")];
    expect(theirs.strict).not.toBe(ours.strict);
    expect(theirs.loose).not.toBe(ours.loose);
    expect(theirs.lastTurn).not.toBe(ours.lastTurn);
  });

  test("a tool result was elided, but only strictly", () => {
    const elided = prefixOf(replaceAt(3, result("call_1", "[elided]")));
    expect(elided.strict).not.toBe(prefixOf(history).strict);
    expect(elided).toMatchObject({ loose: prefixOf(history).loose, lastTurn: prefixOf(history).lastTurn });
  });

  test("a tool result is missing, also loosely", () => {
    expect(prefixOf(history.toSpliced(3, 1)).loose).not.toBe(prefixOf(history).loose);
  });

  test("a word changed although a result did, too", () => {
    const changed = history.toSpliced(
      3,
      3,
      result("call_1", "[elided]"),
      result("call_2", "hello"),
      assistant("Other."),
    );
    expect(prefixOf(changed).loose).not.toBe(prefixOf(history).loose);
    expect(prefixOf(changed).lastTurn).not.toBe(prefixOf(history).lastTurn);
  });
});

describe("fingerprintHistory lists", () => {
  test("prefixes longest first, each with the index behind it", () => {
    const messages = [
      system("s"),
      user("1"),
      assistant("2"),
      user("3"),
      assistant("4"),
      assistant(""),
      user("5"),
      user("6"),
    ];

    const found = fingerprintHistory("local", messages, []);

    expect(found.prefixes.map((prefix) => prefix.unseenFrom)).toEqual([6, 3]);
    expect(found.prefixes[1]).toEqual({ ...prefixOf([user("1"), assistant("2")]), unseenFrom: 3 });
    expect(found.assistantTurns).toBe(2);
  });

  test("no prefix for a new conversation", () => {
    expect(fingerprintHistory("local", [system("s"), user("1")], [])).toMatchObject({
      prefixes: [],
      assistantTurns: 0,
    });
    expect(fingerprintHistory("local", [], [])).toMatchObject({ prefixes: [], assistantTurns: 0 });
  });

  test("no prefix for an assistant message at the very end, which the reply continues", () => {
    const found = fingerprintHistory("local", [user("1"), assistant("2"), user("3"), assistant("4")], []);

    expect(found.prefixes.map((prefix) => prefix.unseenFrom)).toEqual([2]);
  });

  test("a prefix for an answer that only a system message follows", () => {
    const found = fingerprintHistory("local", [user("1"), assistant("2"), system("Summarise.")], []);

    expect(found.prefixes).toEqual([prefixOf([user("1"), assistant("2")])]);
  });

  test("a hash for each system message that says something, wherever it stands", () => {
    const before = fingerprintHistory("local", [system("a b"), system(""), system("c"), user("1")], []);
    const after = fingerprintHistory(
      "local",
      [user("1"), system("c"), assistant("2"), system("a", "b"), user("3")],
      [],
    );

    expect(before.systemIndexes).toEqual([0, 2]);
    expect(after.systemIndexes).toEqual([1, 3]);
    expect(after.systemHashes).toEqual(before.systemHashes.toReversed());
    expect(new Set(before.systemHashes).size).toBe(2);
  });

  test("system and tool hashes that do not depend on the caller", () => {
    const of = (caller: string) =>
      fingerprintHistory(caller, [system("a")], [{ name: "read", description: undefined, parameters: {} }]);

    expect(of("key-1").systemHashes).toEqual([...of("key-2").systemHashes]);
    expect(of("key-1").toolHashes).toEqual([...of("key-2").toolHashes]);
  });

  test("a hash for each tool schema, the order of keys aside", () => {
    const tool = (parameters: ToolDefinition["parameters"], name = "read"): ToolDefinition => ({
      name,
      description: "d",
      parameters,
    });
    const hashesOf = (...tools: ToolDefinition[]) => fingerprintHistory("local", [], tools).toolHashes;

    expect(hashesOf(tool({ type: "object", properties: { a: 1, b: 2 } }))).toEqual([
      ...hashesOf(tool({ properties: { b: 2, a: 1 }, type: "object" })),
    ]);
    expect(
      new Set(hashesOf(tool({ a: 1 }), tool({ a: 2 }), tool({ a: 1 }, "write"), tool([1, 2]), tool([2, 1]))).size,
    ).toBe(5);
  });
});

describe("an argument that has its schema's default counts as left out", () => {
  const edit: ToolDefinition = {
    name: "edit",
    description: undefined,
    parameters: {
      type: "object",
      properties: {
        path: { type: "string" },
        all: { type: "boolean", default: false },
        mode: { type: "object", default: { a: 1, b: [2] } },
        questions: { type: "array", items: { properties: { many: { type: "boolean", default: false } } } },
      },
    },
  };
  const strictOf = (argumentsText: string, toolName = "edit", tools = [edit]) =>
    prefixOf([user("go"), assistant("", call("1", toolName, argumentsText))], "local", tools).strict;

  test.each([
    ["at the top", '{"path":"a"}', '{"path":"a","all":false}'],
    ["in any spelling", '{"path":"a"}', '{"path":"a","mode":{"b":[2],"a":1}}'],
    ["within a list", '{"questions":[{"q":1},{"q":2}]}', '{"questions":[{"q":1,"many":false},{"many":false,"q":2}]}'],
    ["alone", "", '{"all":false}'],
  ])("%s", (_title, without, filledIn) => {
    expect(strictOf(filledIn)).toBe(strictOf(without));
  });

  test.each([
    ["another value", '{"all":true}', "{}"],
    ["a value of another type", '{"all":"false"}', "{}"],
    ["null", '{"all":null}', "{}"],
    ["a field of the same name elsewhere", '{"deeper":{"all":false}}', '{"deeper":{}}'],
    ["a name that objects have by birth", '{"constructor":false,"__proto__":false}', "{}"],
  ])("but not %s", (_title, given, without) => {
    expect(strictOf(given)).not.toBe(strictOf(without));
  });

  test("but not of another tool, nor of none", () => {
    expect(strictOf('{"all":false}', "write")).not.toBe(strictOf("{}", "write"));
    expect(strictOf('{"all":false}', "edit", [])).not.toBe(strictOf("{}", "edit", []));
  });

  test("in a reply as in its echo", () => {
    const messages = [user("go")];
    const toolCalls = [call("1", "edit", '{"path":"a"}')];
    const reply = fingerprintReply(fingerprintHistory("local", messages, [edit]), { text: "", toolCalls });
    const echo = assistant("", call("1", "edit", '{"all":false,"path":"a"}'));
    expect(prefixOf([...messages, echo], "local", [edit])).toMatchObject(reply);
  });

  test("in a reply that continues an assistant message", () => {
    const open = assistant("So", call("1", "edit", '{"path":"a","all":false}'));
    const reply = fingerprintReply(fingerprintHistory("local", [user("go"), open], [edit]), {
      text: "",
      toolCalls: [],
    });
    expect(prefixOf([user("go"), open], "local", [edit])).toMatchObject(reply);
  });
});

describe("fingerprintReply gives what the next request is looked up by", () => {
  /** The next request's longest prefix when its client echoes `reply` behind `messages`. */
  function echoed(messages: readonly Message[], text: string, toolCalls: ReturnType<typeof call>[] = []) {
    const reply = fingerprintReply(fingerprintHistory("local", messages, []), { text, toolCalls });
    return { reply, next: prefixOf([...messages, assistant(text, ...toolCalls)]) };
  }

  test("after a text", () => {
    const { reply, next } = echoed(history.slice(0, 5), "There are two files.\n");
    expect(next).toMatchObject(reply);
    expect(prefixOf(history)).toMatchObject(reply);
  });

  test("after calls without a text", () => {
    const { reply, next } = echoed([user("go")], "", [call("1", "list", '{"a":1}'), call("2", "list", '{"a":2}')]);
    expect(next).toMatchObject(reply);
  });

  test("when the reply continues an assistant message", () => {
    const { reply, next } = echoed([user("1"), assistant("2"), user("3"), assistant("The answer is")], " 42.");
    expect(next).toMatchObject(reply);
    expect(prefixOf([user("1"), assistant("2"), user("3"), assistant("The answer is 42.")])).toMatchObject(reply);
  });

  test("when the reply is empty: nothing, so that the turn before is continued", () => {
    const messages = [user("1"), assistant("2"), user("3")];

    const reply = fingerprintReply(fingerprintHistory("local", messages, []), { text: " ", toolCalls: [] });
    const next = fingerprintHistory("local", [...messages, assistant(""), user("4")], []);

    expect(next.prefixes.map((prefix) => prefix.strict)).not.toContain(reply.strict);
    expect(next.prefixes).toEqual([prefixOf(messages.slice(0, 2))]);
  });

  test("when an empty reply continues an assistant message: that message", () => {
    const { reply, next } = echoed([user("1"), assistant("2")], "");
    expect(next).toMatchObject(reply);
  });
});

describe("fingerprints of any history", () => {
  // Few words, so that accidental equality is likely where a rule is wrong; none of them is a placeholder.
  const word = fc.constantFrom("a", "b", "ab", "a b", "{}", '"', "你", "🙂", "\\n");
  const someCall = fc.tuple(
    fc.constantFrom("f", "g"),
    fc.dictionary(fc.constantFrom("x", "y", "__proto__"), word, { maxKeys: 3 }),
  );
  const exchange = fc.record({
    said: fc.array(word, { minLength: 1, maxLength: 3 }),
    answer: fc.option(word, { nil: undefined }),
    calls: fc.array(someCall, { maxLength: 2 }),
    results: fc.array(word, { minLength: 2, maxLength: 2 }),
  });
  type Exchange = typeof exchange extends fc.Arbitrary<infer Value> ? Value : never;

  /** One spelling of the exchanges. */
  function spellPlainly(exchanges: readonly Exchange[]): Message[] {
    return exchanges.flatMap(({ said, answer, calls: made, results }, turn) => [
      user(said.join("\n")),
      assistant(
        answer ?? (made.length === 0 ? "fine" : ""),
        ...made.map(([name, input], index) => call(`${turn}-${index}`, name, JSON.stringify(input))),
      ),
      ...made.map((_, index) => result(`${turn}-${index}`, results[index]!)),
    ]);
  }

  /** Another spelling of the same: parts, ids, order of keys and results, white space, reasoning, system messages. */
  function spellOddly(exchanges: readonly Exchange[]): Message[] {
    return exchanges.flatMap(({ said, answer, calls: made, results }, turn) => [
      system(`turn ${turn}`),
      ...said.map((text) => user(` ${text}\n`)),
      {
        role: "assistant",
        content: answer === undefined && made.length > 0 ? [] : [textPart("\n "), textPart(answer ?? "fine")],
        reasoning: "why not",
        toolCalls: made.map(([name, input], index) =>
          call(
            `id${turn}_${index}`,
            name,
            JSON.stringify(Object.fromEntries(Object.entries(input).reverse()), null, 2),
          ),
        ),
      } satisfies Message,
      ...made.map((_, index) => result(`id${turn}_${index}`, `${results[index]}  `)).reverse(),
    ]);
  }

  /** The exchanges as data, where equality is obvious. */
  const meaning = (exchanges: readonly Exchange[]): string => JSON.stringify(exchanges.map(meaningOf));
  const meaningOf = ({ said, answer, calls: made, results }: Exchange): unknown => [
    said.join(" "),
    answer ?? (made.length === 0 ? "fine" : ""),
    made.map(([name, input], index) => [name, Object.entries(input).sort(), results[index]]),
  ];

  const someHistory = fc.array(exchange, { minLength: 1, maxLength: 4 });

  test("are equal for two spellings of it", () => {
    fc.assert(
      fc.property(someHistory, (exchanges) => {
        const { unseenFrom: _, ...plain } = prefixOf(spellPlainly(exchanges));
        expect(prefixOf(spellOddly(exchanges))).toMatchObject(plain);
      }),
      { numRuns: 1000 },
    );
  });

  test("are equal only for what means the same", () => {
    const strictOf = (exchanges: readonly Exchange[]) =>
      prefixOf([...spellPlainly(exchanges), assistant("done")]).strict;
    const oneExchange = fc.array(exchange, { minLength: 1, maxLength: 1 });
    fc.assert(
      fc.property(fc.oneof(oneExchange, someHistory), fc.oneof(oneExchange, someHistory), (one, other) => {
        expect(strictOf(one) === strictOf(other)).toBe(meaning(one) === meaning(other));
      }),
      { numRuns: 5000 },
    );
  });

  test("of history and reply are those of the echo", () => {
    fc.assert(
      fc.property(
        someHistory,
        fc.string(),
        fc.array(someCall, { maxLength: 2 }),
        fc.boolean(),
        (exchanges, text, made, prefilled) => {
          const messages = [...spellPlainly(exchanges), user("?"), ...(prefilled ? [assistant("Well,")] : [])];
          const toolCalls = made.map(([name, input], index) => call(`r${index}`, name, JSON.stringify(input)));
          fc.pre(text.trim() !== "" || toolCalls.length > 0 || prefilled);

          const reply = fingerprintReply(fingerprintHistory("local", messages, []), { text, toolCalls });

          expect(prefixOf([...messages, assistant(text, ...toolCalls)])).toMatchObject(reply);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
