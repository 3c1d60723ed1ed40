// Which chat and which node a turn reaches: the whole of conversation identity, for clients that resend their history.

import { expect, test } from "bun:test";
import { type Harness, startHarness } from "../support/harness.ts";
import {
  acceptedTurns,
  allTurns,
  answerTo,
  assistant,
  callsOf,
  createTalk,
  lastTurn,
  readStream,
  type SentTurn,
  system,
  user,
} from "./client.ts";

const chatsOf = (turns: readonly SentTurn[]): Set<string> => new Set(turns.map((turn) => turn.chatId));

function turnWith(harness: Harness, content: string): SentTurn {
  const turn = acceptedTurns(harness).find((candidate) => candidate.content === content);
  if (turn === undefined) throw new Error(`no turn says "${content}"`);
  return turn;
}

test("two conversations with equal openings and equal answers at once stay two [R2-024, R2-038]", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ times: 2, gate: "both", reply: { text: "Tell me." } });
  const talks = [createTalk(harness), createTalk(harness)];
  const openings = talks.map((talk) => talk.say("I have a question."));
  await harness.emulator.until((requests) => requests.filter((request) => request.on === "completions").length === 2);
  harness.emulator.release("both", "all");
  await Promise.all(openings);

  const facts = ["My name is Ada.", "My name is Grace."];
  await Promise.all(talks.map((talk, index) => talk.say(facts[index] ?? "")));
  const [ada, grace] = facts.map((fact) => turnWith(harness, fact));
  expect(ada?.chatId).not.toBe(grace?.chatId ?? "");
  for (const turn of [ada, grace]) {
    const opening = acceptedTurns(harness).find((candidate) => candidate.chatId === turn?.chatId);
    expect(turn?.parentId).toBe(opening?.responseId ?? "");
  }

  const names = await Promise.all(talks.map((talk) => talk.say("What is my name?")));
  expect(names[0]).toContain("Ada");
  expect(names[1]).toContain("Grace");
  expect(chatsOf(acceptedTurns(harness)).size).toBe(2);
  expect(
    acceptedTurns(harness)
      .slice(-2)
      .every((turn) => turn.content === "What is my name?"),
  ).toBe(true);
});

test("two conversations with equal openings and equal answers, one turn after the other, never meet [R2-038]", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ times: 2, reply: { text: "Tell me." } });
  const [one, other] = [createTalk(harness), createTalk(harness)];
  await one.say("I have a question.");
  await other.say("I have a question.");
  await one.say("My name is Ada.");
  await other.say("My name is Grace.");
  expect(await one.say("What is my name?")).toContain("Ada");
  expect(await other.say("What is my name?")).toContain("Grace");
  expect(chatsOf(acceptedTurns(harness)).size).toBe(2);
});

test("a regenerated answer attaches to the node that the first one attached to", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness);
  await talk.say("My name is Ada.");
  const node = lastTurn(harness).responseId;
  const messages = [...talk.messages, user("Say: again")];
  for (const _ of [1, 2, 3]) {
    expect(await answerTo(harness, messages)).toBe("again");
    expect(lastTurn(harness)).toMatchObject({ parentId: node, content: "Say: again" });
  }
  expect(chatsOf(acceptedTurns(harness)).size).toBe(1);
});

test("a regenerated first answer is a chat of its own: nothing was answered before it", async () => {
  await using harness = await startHarness();
  await answerTo(harness, [user("My name is Ada.")]);
  await answerTo(harness, [user("My name is Ada.")]);
  expect(acceptedTurns(harness).map((turn) => turn.parentId)).toEqual([null, null]);
  expect(chatsOf(acceptedTurns(harness)).size).toBe(2);
});

test("an edited old message continues at the node before it, and its old branch is forgotten there", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness);
  await talk.say("My name is Ada.");
  const node = lastTurn(harness).responseId;
  await talk.say("My dog is called Rex.");
  const edited = [...talk.messages.slice(0, 2), user("My dog is called Bo.")];
  const answer = await answerTo(harness, edited);
  expect(lastTurn(harness)).toMatchObject({ parentId: node, content: "My dog is called Bo." });
  const after = [...edited, assistant(answer), user("What is my name?")];
  expect(await answerTo(harness, after)).toContain("Ada");
  expect(await answerTo(harness, [...after.slice(0, -1), user("What did you say?")])).not.toContain("Rex");
  expect(chatsOf(acceptedTurns(harness)).size).toBe(1);
});

test("an edited first message begins a new chat that is told the whole history", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness);
  await talk.say("My name is Ada.");
  const edited = [user("My name is Grace."), ...talk.messages.slice(1), user("What is my name?")];
  expect(await answerTo(harness, edited)).toContain("Grace");
  expect(chatsOf(acceptedTurns(harness)).size).toBe(2);
  expect(lastTurn(harness).parentId).toBeNull();
  expect(lastTurn(harness).content).toContain("My name is Grace.");
});

test("two branches of one chat go on side by side, each on its own path [R2-034]", async () => {
  await using harness = await startHarness();
  const trunk = createTalk(harness);
  await trunk.say("My name is Ada.");
  const node = lastTurn(harness).responseId;
  const branches = [createTalk(harness, trunk), createTalk(harness, trunk)];
  const cities = ["Paris", "Rome"];
  for (const [index, branch] of branches.entries()) {
    await branch.say(`My favourite city is ${cities[index]}.`);
    expect(lastTurn(harness).parentId).toBe(node);
  }
  for (const [index, branch] of branches.entries()) {
    expect(await branch.say("What is my favourite city?")).toContain(cities[index] ?? "");
    expect(lastTurn(harness).parentId).toBe(turnWith(harness, `My favourite city is ${cities[index]}.`).responseId);
    expect(await branch.say("What is my name?")).toContain("Ada");
  }
  expect(chatsOf(acceptedTurns(harness)).size).toBe(1);
});

test("of a turn sent twice in parallel one continues the chat and one gets a chat with the whole history [R2-039]", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness);
  await talk.say("My name is Ada.");
  const opening = lastTurn(harness);
  harness.emulator.script({ times: 2, gate: "both", match: "What is my name?" });
  const messages = [...talk.messages, user("What is my name?")];
  const answers = [answerTo(harness, messages), answerTo(harness, messages)];
  await harness.emulator.until((requests) => requests.filter((request) => request.turn !== undefined).length === 3);
  harness.emulator.release("both", "all");
  for (const answer of await Promise.all(answers)) expect(answer).toContain("Ada");

  const [, ...parallel] = acceptedTurns(harness);
  const continuing = parallel.find((turn) => turn.chatId === opening.chatId);
  const fresh = parallel.find((turn) => turn.chatId !== opening.chatId);
  expect(continuing).toMatchObject({ parentId: opening.responseId, content: "What is my name?" });
  expect(fresh?.parentId).toBeNull();
  for (const text of ["My name is Ada.", "What is my name?"]) expect(fresh?.content).toContain(text);
});

test("a first turn sent twice in parallel is two chats [R2-039]", async () => {
  await using harness = await startHarness();
  harness.emulator.script({ times: 2, gate: "both" });
  const answers = [answerTo(harness, [user("Hello")]), answerTo(harness, [user("Hello")])];
  await harness.emulator.until((requests) => requests.filter((request) => request.turn !== undefined).length === 2);
  harness.emulator.release("both", "all");
  await Promise.all(answers);
  expect(chatsOf(acceptedTurns(harness)).size).toBe(2);
});

const lostChats = [
  ["chat", { refuse: "chat-not-exist" }],
  ["parent", { refuse: "parent-not-exist" }],
] as const;

for (const [name, script] of lostChats) {
  test(`a ${name} that the backend has lost is replaced by a new chat with the whole history`, async () => {
    await using harness = await startHarness();
    const talk = createTalk(harness, { messages: [system("Be brief.")] });
    await talk.say("My name is Ada.");
    await talk.say("My dog is called Rex.");
    const old = lastTurn(harness).chatId;
    harness.emulator.script(script);
    expect(await talk.say("What is my name?")).toContain("Ada");
    const fresh = lastTurn(harness);
    expect(fresh.chatId).not.toBe(old);
    expect(fresh.parentId).toBeNull();
    for (const text of ["Be brief.", "My name is Ada.", "My dog is called Rex.", "What is my name?"]) {
      expect(fresh.content).toContain(text);
    }
    await talk.say("What is my dog called?");
    expect(lastTurn(harness)).toMatchObject({
      chatId: fresh.chatId,
      parentId: fresh.responseId,
      content: "What is my dog called?",
    });
  });
}

test("a chat that was deleted upstream is replaced, and its session stays one conversation", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness);
  await talk.say("My name is Ada.");
  const { chatId } = lastTurn(harness);
  await fetch(`${harness.served.url}/api/v2/chats/${chatId}`, {
    method: "DELETE",
    headers: { authorization: "Bearer test-token" },
  });
  expect(await talk.say("What is my name?")).toContain("Ada");
  const list = (await (await harness.get("/v1/sessions")).json()) as { data: { conversations: unknown[] }[] };
  expect(list.data).toHaveLength(1);
  expect(list.data[0]?.conversations).toHaveLength(1);
  expect(list.data[0]).toMatchObject({ chatId: lastTurn(harness).chatId, messageCount: 2 });
});

test("a chat in progress is waited for and then continued [R2-039]", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness);
  await talk.say("My name is Ada.");
  const opening = lastTurn(harness);
  harness.emulator.script({ refuse: "chat-in-progress" });
  expect(await talk.say("What is my name?")).toContain("Ada");
  expect(lastTurn(harness)).toMatchObject({
    chatId: opening.chatId,
    parentId: opening.responseId,
    content: "What is my name?",
  });
  expect(allTurns(harness)).toHaveLength(3);
  expect(callsOf(harness, "chats/new")).toHaveLength(1);
});

const reshapes: readonly (readonly [name: string, reshape: (content: string) => Record<string, unknown>])[] = [
  ["parts instead of a string", (text) => ({ content: [{ type: "text", text }] })],
  [
    "several parts",
    (text) => ({
      content: [
        { type: "text", text: text.slice(0, 9), cache_control: { type: "ephemeral" } },
        { type: "text", text: text.slice(9) },
      ],
    }),
  ],
  ["reasoning beside it", (text) => ({ content: text, reasoning_content: "so", reasoning: "so", name: "qwen" })],
  ["other white space", (text) => ({ content: `\n ${text.replaceAll(" ", "  ")}\r\n` })],
  ["a status and an id", (text) => ({ content: text, id: "item_1", status: "completed", refusal: null })],
];

for (const [name, reshape] of reshapes) {
  test(`an answer that comes back as ${name} is the same answer`, async () => {
    await using harness = await startHarness();
    const talk = createTalk(harness);
    const answer = await talk.say("My name is Ada.");
    const node = lastTurn(harness).responseId;
    const messages = [
      talk.messages[0] ?? user(""),
      { role: "assistant", ...reshape(answer) },
      user("What is my name?"),
    ];
    expect(await answerTo(harness, messages)).toContain("Ada");
    expect(lastTurn(harness)).toMatchObject({ parentId: node, content: "What is my name?" });
  });
}

test("a history with tool calls is known again, whatever its arguments' order and its empty content look like", async () => {
  await using harness = await startHarness();
  const call = (argumentsText: string) => [
    { id: "call_1", type: "function", function: { name: "look_up", arguments: argumentsText } },
  ];
  const opening = [
    user("Where is Ada?"),
    { role: "assistant", content: null, tool_calls: call('{"name":"Ada","deep":true}') },
    { role: "tool", tool_call_id: "call_1", content: "In Paris." },
  ];
  const answer = await answerTo(harness, opening);
  const first = lastTurn(harness);
  const again = [
    { role: "user", content: [{ type: "text", text: "Where is Ada?" }] },
    { role: "assistant", content: "", reasoning_content: "…", tool_calls: call('{ "deep": true, "name": "Ada" }') },
    { role: "tool", tool_call_id: "call_1", content: [{ type: "text", text: "In Paris." }] },
    { role: "assistant", content: answer },
    user("Thank you"),
  ];
  await answerTo(harness, again);
  expect(lastTurn(harness)).toMatchObject({ chatId: first.chatId, parentId: first.responseId, content: "Thank you" });
});

test("an agent's tool result continues the chat at the last answer, with the call that it answers [R2-012]", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness);
  await talk.say("My name is Ada.");
  const node = lastTurn(harness).responseId;
  talk.messages.push(user("Look it up"), {
    role: "assistant",
    content: null,
    tool_calls: [{ id: "c1", type: "function", function: { name: "look_up", arguments: "{}" } }],
  });
  await answerTo(harness, [...talk.messages, { role: "tool", tool_call_id: "c1", content: "Found: 42" }]);
  expect(lastTurn(harness).parentId).toBe(node);
  expect(lastTurn(harness).content).toContain("look_up");
  expect(lastTurn(harness).content).toContain("Found: 42");
  expect(lastTurn(harness).content).not.toContain("My name is Ada.");
});

test("a foreign history is told once, then only what is new [R2-040, R2-043]", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness, {
    messages: [
      user("My name is Ada."),
      assistant("Noted by another model."),
      user("My dog is called Rex."),
      assistant("Fine."),
    ],
  });
  expect(await talk.say("What is my name?")).toContain("Ada");
  expect(lastTurn(harness).content).toContain("Noted by another model.");
  await talk.say("What is my dog called?");
  expect(lastTurn(harness).content).toBe("What is my dog called?");
});

test("turns of another model in between are folded in, and only they", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness);
  await talk.say("My name is Ada.");
  const node = lastTurn(harness).responseId;
  talk.messages.push(user("My dog is called Rex."), assistant("A foreign answer."));
  expect(await talk.say("What is my dog called?")).toContain("Rex");
  const { content, parentId } = lastTurn(harness);
  expect(parentId).toBe(node);
  for (const text of ["My dog is called Rex.", "A foreign answer.", "What is my dog called?"])
    expect(content).toContain(text);
  expect(content).not.toContain("My name is Ada.");
});

test("a known conversation goes on in another model and in another mode [R2-043]", async () => {
  await using harness = await startHarness();
  const talk = createTalk(harness);
  await talk.say("My name is Ada.");
  const opening = lastTurn(harness);
  const messages = [...talk.messages, user("What is my name?")];
  expect(await answerTo(harness, messages, { body: { model: "qwen3.7-plus-thinking" } })).toContain("Ada");
  expect(lastTurn(harness)).toMatchObject({ chatId: opening.chatId, parentId: opening.responseId });
});

test("streamed and whole answers are one chain [R2-031]", async () => {
  await using harness = await startHarness();
  const messages = [user("My name is Ada.")];
  for (const stream of [true, false, true, false]) {
    messages.push(assistant(await answerTo(harness, messages, { body: { stream } })), user("What is my name?"));
  }
  const turns = acceptedTurns(harness);
  expect(turns.map((turn) => turn.parentId)).toEqual([null, ...turns.slice(0, -1).map((turn) => turn.responseId)]);
  expect(chatsOf(turns).size).toBe(1);
});

// Null is what openai's stream helper makes of an answer without words, up to its version 6.
test.each(["", null])(
  "an answer of nothing but thoughts leaves no turn: the next message continues the one before, %p",
  async (content) => {
    await using harness = await startHarness();
    const talk = createTalk(harness);
    await talk.say("My name is Ada.");
    harness.emulator.script({ times: 2, reply: { text: "" } });
    const stream = await readStream(await harness.chat({ stream: true, messages: [...talk.messages, user("Hm?")] }));
    expect(stream.text).toBe("");
    expect(stream.finishReasons).toEqual(["stop"]);
    const messages = [...talk.messages, user("Hm?"), { role: "assistant", content }, user("What is my name?")];
    expect(await answerTo(harness, messages)).toContain("Ada");
  },
);

test("whoever speaks is told by name, in the same chat, whether or not the client names them all the time", async () => {
  await using harness = await startHarness();
  const named = (name: string | undefined, content: string) => ({
    ...user(content),
    ...(name !== undefined && { name }),
  });
  const hello = await answerTo(harness, [named("Ada", "Hello")]);
  const history = (name?: string) => [named(name, "Hello"), assistant(hello)];
  await answerTo(harness, [...history("Ada"), named("Bob", "What did she say?")]);
  await answerTo(harness, [...history(), user("And now?")]);

  const [first, ...others] = acceptedTurns(harness);
  expect(first?.content).toBe("Ada: Hello");
  expect(others.map(({ content }) => content)).toEqual(["Bob: What did she say?", "And now?"]);
  for (const { chatId, parentId } of others) expect([chatId, parentId]).toEqual([first!.chatId, first!.responseId!]);
});
