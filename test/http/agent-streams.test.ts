// Many agent streams at a time, slow ones and silent ones: what else the gateway does goes on, and nothing piles up. How
// long it takes is told by test/manual/agent-figures.ts.

import { expect, setDefaultTimeout, test } from "bun:test";
import { readAgentFrames, startAgentGateway } from "../support/agent-gateway.ts";
import type { FakeScript } from "../support/fake-mcp.ts";
import { readLive } from "../support/live-stream.ts";

// Far beyond what the tests need, for machines that are busy with something else: they start processes.
setDefaultTimeout(30_000);

const reading = { annotations: { readOnlyHint: true } };
const calendar: FakeScript = {
  tools: [
    { name: "wait_for_news", does: "never", ...reading },
    { name: "list_calls", does: "seen", ...reading },
    { name: "list_steps", does: "chatter", ...reading },
    { name: "get_event", text: "Yoga at 14:00", ...reading },
    { name: "create_event", does: "echo", annotations: { destructiveHint: false } },
  ],
};

/** Of events, as they come: until the one that says so. */
async function until(stream: ReturnType<typeof readLive>, fits: (message: string) => boolean): Promise<void> {
  for (let frame = await stream.next(); frame !== undefined; frame = await stream.next()) {
    const { message = "" } = JSON.parse(frame.data) as { message?: string };
    if (fits(message)) return;
  }
  throw new Error("the stream ended before that");
}

type Agent = Awaited<ReturnType<typeof startAgentGateway>>;

/** Whoever asks so calls what never ends. */
function waitFor({ harness }: Agent, query: string): void {
  const reply = { text: "", calls: [{ name: "wait_for_news", arguments: {} }] };
  harness.emulator.script({ match: query, times: "always", reply });
}

test("/health is answered while 20 streams are in the middle of a call, which end when their readers leave [R4-020] [R4-044] [R4-046] [R4-050]", async () => {
  await using agent = await startAgentGateway({ calendar });
  waitFor(agent, "What news?");
  const leaving = new AbortController();
  const streams = await Promise.all(
    Array.from({ length: 20 }, async () => readLive(await agent.open("What news?", { signal: leaving.signal }))),
  );
  await Promise.all(streams.map((stream) => until(stream, (message) => message.startsWith("Executing"))));

  const health = await Promise.all(Array.from({ length: 50 }, () => agent.harness.get("/health")));
  const chat = await agent.harness.chat({ model: "qwen3-max", messages: [{ role: "user", content: "Hello" }] });

  expect(health.map(({ status }) => status)).toEqual(health.map(() => 200));
  expect(chat.status).toBe(200);
  // They are still in the middle of it: each tells of a call, and none of its end.
  const running = await callsOf(agent);
  expect(running.filter((line) => line === "call wait_for_news")).toHaveLength(20);
  expect(running).not.toContain("cancelled wait_for_news");
  leaving.abort();
  for (let seen = running; seen.filter((line) => line === "cancelled wait_for_news").length < 20;)
    seen = await callsOf(agent);
});

/** What the tool server has seen so far, by a run of its own. */
async function callsOf(agent: Agent): Promise<string[]> {
  // By what they are asked: other runs ask at the same time.
  agent.harness.emulator.script(
    { match: "Which calls were there?", reply: { text: "", calls: [{ name: "list_calls", arguments: {} }] } },
    { match: "calendar/list_calls", reply: { text: "That is all." } },
  );
  const frames = await agent.run("Which calls were there?");
  return String(frames.at(-1)?.data.results?.[0]?.result).split("\n");
}

test.each(["/api/agent", "/api/voice/llm", "/api/voice"])(
  "who leaves %s, which is no stream, ends the run and its call all the same [R4-035] [R4-067]",
  async (path) => {
    await using agent = await startAgentGateway({ calendar });
    waitFor(agent, "What news?");
    const leaving = new AbortController();
    const left = agent.harness.post(path, { query: "What news?" }, { signal: leaving.signal }).catch(() => "left");
    while (!(await callsOf(agent)).includes("call wait_for_news"));

    leaving.abort();

    expect(await left).toBe("left");
    while (!(await callsOf(agent)).includes("cancelled wait_for_news"));
  },
);

test("a gateway that stops tells the runs of its streams so: an error, and done once and last [R4-017] [R4-066]", async () => {
  await using agent = await startAgentGateway({ calendar });
  waitFor(agent, "What news?");
  const stream = readLive(await agent.open("What news?"));
  await until(stream, (message) => message.startsWith("Executing"));

  const restarted = agent.harness.restart();
  const frames = readAgentFrames(await stream.rest());
  await restarted;

  expect(frames.map(({ event }) => event)).toEqual(["error", "done"]);
  expect(frames[0]?.data).toMatchObject({ code: "cancelled", message: "The run was stopped: the gateway ends" });
  expect(frames[1]?.data).toMatchObject({ success: false, results: [{ command: "wait_for_news", success: false }] });
});

test("the head is sent, and the first progress, before any tool server has answered or the model is asked [R4-040] [R4-041]", async () => {
  await using agent = await startAgentGateway({ silent: { start: "silent" } });

  const response = await agent.open("What is on today?");
  const stream = readLive(response);
  const first = await stream.next();

  // The server never answers: whatever has come, came before the end of the discovery.
  expect(response.status).toBe(200);
  expect(JSON.parse(first?.data ?? "")).toMatchObject({ type: "analyzing", message: "Analyzing your request..." });
  expect(agent.harness.emulator.requests.filter(({ on }) => on === "completions")).toEqual([]);
  await stream.cancel();
});

test("what was found and is chosen from is told before the model has answered [R4-019] [R4-041]", async () => {
  await using agent = await startAgentGateway({ calendar });
  agent.harness.emulator.script({ gate: "held", reply: { text: "Nothing." } });
  const stream = readLive(await agent.open("What is on today?"));

  await until(stream, (message) => message === "Found 1 service with 5 commands");
  await until(stream, (message) => message === "Selecting commands...");
  agent.harness.emulator.release("held", "all");

  expect(await stream.rest()).toContain('"answer":"Nothing."');
});

test("a run of two tools, the second with what the first has given, comes to its end [R4-042] [R4-054]", async () => {
  await using agent = await startAgentGateway({ calendar, notes: { tools: [{ name: "add_note", does: "echo" }] } });
  agent.answer(["get_event"], ["add_note", { text: "Yoga at 14:00" }], "Noted.");

  const frames = await agent.run("Note what is on today");

  expect(frames.at(-1)?.data).toMatchObject({
    success: true,
    answer: "Noted.",
    results: [
      { service: "calendar", command: "get_event", success: true, result: "Yoga at 14:00" },
      { service: "notes", command: "add_note", success: true, result: { text: "Yoga at 14:00" } },
    ],
  });
  const { body } = agent.harness.emulator.requests.filter(({ on }) => on === "completions")[1] ?? {};
  expect(JSON.stringify(body)).toContain("Yoga at 14:00");
});

test("a reader who does not read gets a few steps and the end, not ten thousand that were kept for it [R4-045]", async () => {
  await using agent = await startAgentGateway({ calendar });
  agent.answer(["list_steps", { steps: 10_000 }], "All steps are listed.");

  const response = await agent.open("List all steps");
  // Not a byte of the body is read before the run is over: the model has answered for the second time.
  while (agent.harness.emulator.requests.filter(({ on, finished }) => on === "completions" && finished).length < 2)
    await new Promise((resolve) => setImmediate(resolve));
  const text = await response.text();

  const frames = readAgentFrames(text);
  expect(frames.length).toBeLessThan(60);
  expect(text.length).toBeLessThan(60_000);
  expect(frames.filter(({ event }) => event === "done")).toHaveLength(1);
  expect(frames.at(-1)).toMatchObject({ event: "done", data: { success: true, answer: "All steps are listed." } });
});

test("a hundred runs at a time over real transports are told apart [R4-044] [R4-050]", async () => {
  await using agent = await startAgentGateway({ calendar });
  agent.harness.emulator.script(
    ...Array.from({ length: 100 }, (_, index) => ({
      match: `number ${index}.`,
      reply: { text: "", calls: [{ name: "create_event", arguments: { title: `Event ${index}` } }] },
    })),
    ...Array.from({ length: 100 }, (_, index) => ({
      match: `\\"Event ${index}\\"`,
      times: "always" as const,
      reply: { text: `Event ${index} is there.` },
    })),
  );

  const runs = await Promise.all(
    Array.from({ length: 100 }, (_, index) => agent.run(`Create the event number ${index}.`)),
  );

  expect(runs.map((frames) => frames.at(-1)?.data.results?.[0]?.result)).toEqual(
    runs.map((_, index) => ({ title: `Event ${index}` })),
  );
  expect(runs.every((frames) => frames.filter(({ event }) => event === "done").length === 1)).toBe(true);
});
