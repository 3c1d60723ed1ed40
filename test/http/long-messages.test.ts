// Messages longer than the firewall lets pass: as a file where that works, else refused before anything is sent.

import { expect, test } from "bun:test";
import type { ScriptEntry } from "../../src/emulator/qwen-web-emulator.ts";
import type { QwenCompletionBody } from "../../src/wire/qwen-web.ts";
import { type Harness, startHarness } from "../support/harness.ts";
import { startInProcess } from "../support/in-process.ts";
import {
  allTurns,
  answerTo,
  assistant,
  callsOf,
  createTalk,
  lastTurn,
  readError,
  readStream,
  system,
  user,
} from "./client.ts";

const limit = 1000;

/** A gateway whose messages may have 1000 characters, and an emulator whose firewall bites a little above. */
function startLimited(environment: Record<string, string> = {}): Promise<Harness> {
  return startHarness({
    environment: { QWEN_MAX_MESSAGE_CHARS: String(limit), ...environment },
    emulator: { wafBodyChars: limit + 1500 },
  });
}

const long = `My name is Ada. ${"Bla ".repeat(500)}`;

test("a message over QWEN_MAX_MESSAGE_CHARS goes up as a file, and the model has read it", async () => {
  await using harness = await startLimited();
  const answer = await answerTo(harness, [user(long), assistant("Noted."), user("What is my name?")]);
  expect(answer).toContain("Ada");
  const turn = lastTurn(harness);
  expect(turn.content.length).toBeLessThan(limit);
  expect(turn.content).toContain("conversation.txt");
  expect(turn.content).toEndWith("# Message\nWhat is my name?");
  const [file] = turn.body.messages[0].files;
  expect(file).toMatchObject({
    type: "file",
    file_class: "document",
    status: "uploaded",
    name: "conversation.txt",
    file_type: "text/plain",
  });
  const uploads = callsOf(harness, "files");
  expect(
    uploads.map(
      ({ method, path }) =>
        `${method} ${path
          .split("/")
          .at(-1)
          ?.replace(/^[0-9a-f-]{36}_/, "")}`,
    ),
  ).toEqual(["POST getstsToken", "PUT conversation.txt", "POST parse", "POST status"]);
  expect(uploads[0]?.body).toEqual({ filename: "conversation.txt", filesize: file?.size ?? 0, filetype: "file" });
  const put = uploads[1];
  expect(put?.body).toContain("My name is Ada.");
  expect(put?.headers).toMatchObject({
    authorization: expect.stringMatching(
      /^OSS4-HMAC-SHA256 Credential=STS\.EMULATED\/\d{8}\/ap-southeast-1\/oss\/aliyun_v4_request,Signature=[0-9a-f]{64}$/,
    ),
    "x-oss-security-token": "EMULATED",
  });
  // The account's own credentials are none of the storage's business.
  expect(JSON.stringify(put?.headers)).not.toContain("test-token");
});

test("a conversation with a file goes on at its node, with the new words only", async () => {
  await using harness = await startLimited();
  const talk = createTalk(harness);
  await talk.say(long);
  const { chatId, responseId } = lastTurn(harness);
  expect(await talk.say("What is my name?")).toContain("Ada");
  expect(lastTurn(harness)).toMatchObject({ chatId, parentId: responseId, content: "What is my name?" });
  expect(callsOf(harness, "files").filter((call) => call.method === "PUT")).toHaveLength(1);
});

test("a message of exactly QWEN_MAX_MESSAGE_CHARS travels as text", async () => {
  await using harness = await startLimited();
  await answerTo(harness, [user("x".repeat(limit))]);
  expect(lastTurn(harness).content).toHaveLength(limit);
  expect(callsOf(harness, "files")).toHaveLength(0);
});

test.each([true, false])("QWEN_UPLOAD=false refuses it before anything is sent, stream %p", async (stream) => {
  await using harness = await startLimited({ QWEN_UPLOAD: "false" });
  const answer = await readError(
    await harness.chat({ stream, messages: [system("Be kind"), user("x".repeat(limit + 1))] }),
  );
  expect(answer).toMatchObject({
    status: 400,
    error: { type: "invalid_request_error", code: "context_length_exceeded", param: "messages" },
  });
  expect(answer.error.message).toContain(`more than the ${limit} that Qwen's firewall lets pass`);
  expect(answer.error.message).toMatch(/prompt is too long.*maximum context length/);
  expect(callsOf(harness, "chats/new")).toHaveLength(0);
  expect(allTurns(harness)).toHaveLength(0);
});

const failures: readonly (readonly [string, ScriptEntry])[] = [
  ["no leave for it", { on: "files", match: "getstsToken", times: "always", refuse: "internal-error" }],
  [
    "no storage",
    { on: "files", match: "conversation.txt\n", times: "always", refuse: { name: "http-status", status: 500 } },
  ],
  ["a file that Qwen does not take", { on: "files", match: "/parse", times: "always", refuse: "invalid-file" }],
  ["a reset connection", { on: "files", times: "always", refuse: "reset" }],
];

test.each([...failures])(
  "an upload that meets %s is context-too-long, and no message is sent",
  async (_name, script) => {
    await using harness = await startLimited();
    harness.emulator.script(script);
    const answer = await readError(await harness.chat({ messages: [user(long)] }));
    expect(answer).toMatchObject({ status: 400, error: { code: "context_length_exceeded" } });
    expect(answer.error.message).toContain("its upload as a file failed");
    expect(allTurns(harness)).toHaveLength(0);
    expect(callsOf(harness, "chats/new")).toHaveLength(0);
  },
);

test("an upload that fails in passing is repeated", async () => {
  await using harness = await startLimited();
  harness.emulator.script({
    on: "files",
    match: "getstsToken",
    times: 2,
    refuse: { name: "http-status", status: 503 },
  });
  await answerTo(harness, [user(long)]);
  expect(callsOf(harness, "files").filter((call) => call.path.endsWith("getstsToken"))).toHaveLength(3);
});

test.each([
  ["rate-limited", 429, "upstream_quota"],
  ["waf-punish", 503, "upstream_challenge"],
] as const)("an upload that meets %s is told as what it is", async (refuse, status, code) => {
  await using harness = await startLimited();
  harness.emulator.script({ on: "files", refuse });
  expect(await readError(await harness.chat({ messages: [user(long)] }))).toMatchObject({ status, error: { code } });
  expect(allTurns(harness)).toHaveLength(0);
});

test("a file that Qwen finds invalid afterwards is a 400", async () => {
  await using harness = await startLimited();
  harness.emulator.script({
    reply: { faults: [{ kind: "error", after: 1, code: "invalid_input", details: "输入或附件无效。" }] },
  });
  const answer = await readError(await harness.chat({ stream: true, messages: [user(long)] }));
  expect(answer).toMatchObject({ status: 400, error: { code: "invalid_request" } });
  expect(answer.text).not.toContain("输入");
});

test("what the firewall bites at all the same is a challenge, without a second try", async () => {
  await using harness = await startHarness({
    emulator: { wafBodyChars: 2000 },
    environment: { ACCOUNT_COOLDOWN_MAX_MS: "1" },
  });
  const answer = await readError(await harness.chat({ stream: true, messages: [user("x".repeat(5000))] }));
  expect(answer).toMatchObject({ status: 503, error: { code: "upstream_challenge" } });
  expect(allTurns(harness)).toHaveLength(1);
  expect((await readStream(await harness.chat({ stream: true, messages: [user("Hello")] }))).doneCount).toBe(1);
});

test("for chat.qwen.ai the limit is 60 000 characters unless one is set, for other addresses there is none", async () => {
  const message = { role: "user", content: "x".repeat(60_001) };
  const lengths = async (environment: Record<string, string>): Promise<number[]> => {
    await using gateway = await startInProcess(environment);
    await (await gateway.ask([message], false)).text();
    const turns = gateway.emulator.requests.filter((request) => request.on === "completions");
    // The gateway's own wire form.
    return turns.map(({ body }) => (body as QwenCompletionBody).messages[0].content.length);
  };
  const [limited] = await lengths({});
  expect(limited).toBeLessThan(1000);
  expect(await lengths({ QWEN_MAX_MESSAGE_CHARS: "60001" })).toEqual([60_001]);
  expect(await lengths({ QWEN_BASE_URL: "http://127.0.0.1:1" })).toEqual([60_001]);
});
