// The typed chat on the compiled executable: killed, come back to, read by the client library, with documents.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { streamSSE } from "../../src/client/client.ts";
import { makePdf } from "../unit/documents/make-pdf.ts";
import { parseTyped, postMessage, readMessages, readTyped, say } from "../http/typed-client.ts";
import { readSlowly } from "./slow-reader.ts";
import { startStage } from "./stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(20_000);

const quiet = { follow_ups: false, quality: false };

describe("kill -9", () => {
  test("what had been sent can be read again, and the session knows it; the next message goes on [R3-070] [R3-077]", async () => {
    await using stage = await startStage();
    await say(stage, { message: "My dog is called Rex.", session_id: "s1", options: quiet });
    await stage.emulator.script({ match: "Count from 1 to 30", gate: "count" });
    await stage.emulator.release("count", 4);
    const count = { message: "Count from 1 to 30", session_id: "s1", options: quiet, resumable: true };
    const response = await postMessage(stage, count);
    const streamId = response.headers.get("x-stream-id") ?? "";
    const reader = await readSlowly(response);
    await reader.until('{"token":"1"}');
    const broken = reader.rest().catch((error: unknown) => error);
    const seen = parseTyped(reader.text.slice(0, reader.text.lastIndexOf("\n\n") + 2));
    await stage.crashAndRestart();
    expect(await broken).toBeInstanceOf(Error);

    const all = await readTyped(await stage.get(`/api/chat/stream/${streamId}`));
    const rest = await readTyped(await stage.get(`/api/chat/stream/${streamId}`, { "last-event-id": "5" }));
    const messages = await readMessages(stage, "s1");
    const next = await say(stage, { message: "What is my dog called?", session_id: "s1", options: quiet });

    expect(all.frames.slice(0, seen.length)).toEqual(seen);
    expect(all).toMatchObject({ isDone: false, error: expect.stringContaining("send the message again") });
    expect(rest.frames).toEqual(all.frames.slice(5));
    expect(messages.at(-1)).toMatchObject({ role: "assistant", status: "failed", content: all.text });
    expect(next.text).toContain("Rex");
  });

  test("a turn whose [DONE] was seen is there afterwards, and nothing is behind that", async () => {
    await using stage = await startStage();
    const whole: string[] = [];
    for (let round = 1; round <= 3; round++) {
      const response = await postMessage(stage, { message: `Say round ${round}`, session_id: "s1", options: quiet });
      const reader = await readSlowly(response);
      await reader.until("data: [DONE]\n\n");
      await stage.crashAndRestart();
      whole.push(await (await stage.get(`/api/chat/stream/${response.headers.get("x-stream-id")}`)).text());
    }

    expect(whole.map((text) => text.split("data: ").at(-1))).toEqual(Array(3).fill("[DONE]\n\n"));
    const messages = await readMessages(stage, "s1");
    expect(messages.map(({ role, content, status }) => [role, content, status])).toEqual(
      [1, 2, 3].flatMap((round) => [
        ["user", `Say round ${round}`, "complete"],
        ["assistant", `round ${round}`, "complete"],
      ]),
    );
  });
});

test("a document is imported, found, cited, and forgotten", async () => {
  await using stage = await startStage();
  const text =
    "# Contract\n\nThe rent is due on the third working day. The notice period is three months to the quarter.";
  const imported = await stage.post("/api/documents", { name: "contract.md", text, type: "text/markdown" });
  const document = ((await imported.json()) as { data: { id: string }[] }).data[0];

  const answer = await say(stage, { message: "How long is the notice period?", options: quiet });
  const without = await say(stage, { message: "How long is the notice period?", documents: false, options: quiet });
  const gone = await fetch(`${stage.gateway.url}/api/documents/${document?.id}`, { method: "DELETE" });
  const after = await say(stage, { message: "How long is the notice period?", options: quiet });

  const sources = answer.frames.flatMap(({ event }) => event["sources"] ?? []) as { text: string; score: number }[];
  expect(sources).toMatchObject([{ document_id: document?.id, document_name: "contract.md" }]);
  expect(sources[0]?.text).toContain("three months");
  expect(answer.text).toContain("three months");
  expect(answer.text).toContain("[1]");
  expect(without.text).not.toContain("[1]");
  expect(gone.status).toBe(200);
  expect(after.frames.flatMap(({ event }) => event["sources"] ?? [])).toEqual([]);
});

test("the client library reads it: stages, tokens, sources, quality, questions, end [R3-029] [R3-030]", async () => {
  await using stage = await startStage();
  await stage.emulator.script({ match: "JSON array", reply: { text: '["Why?", "When?"]' } });
  const heard: [string, unknown][] = [];
  const hear = (name: string) => (value?: unknown) => void heard.push([name, value]);

  await streamSSE(
    `${stage.gateway.url}/api/chat/stream`,
    { message: "Say: a few words, and then some more of them" },
    {
      onStage: hear("stage"),
      onToken: hear("token"),
      onSources: hear("sources"),
      onQualityScore: hear("quality"),
      onFollowUps: hear("follow-ups"),
      onMetadata: hear("metadata"),
      onComplete: hear("complete"),
      onError: hear("error"),
    },
  );

  const names = heard.map(([name]) => name);
  expect(names.filter((name, at) => name !== names[at - 1])).toEqual([
    "metadata",
    "stage",
    "sources",
    "stage",
    "token",
    "stage",
    "quality",
    "stage",
    "follow-ups",
    "metadata",
    "complete",
  ]);
  expect(
    heard
      .filter(([name]) => name === "token")
      .map(([, token]) => token)
      .join(""),
  ).toBe("a few words, and then some more of them");
  expect(heard.find(([name]) => name === "follow-ups")?.[1]).toEqual(["Why?", "When?"]);
});

test("SIGTERM lets a running answer end, its last events included", async () => {
  await using stage = await startStage();
  await stage.emulator.script({ match: "Count from 1 to 5", gate: "count" });
  await stage.emulator.release("count", 3);
  const reader = await readSlowly(
    await postMessage(stage, { message: "Count from 1 to 5", session_id: "s1", options: { follow_ups: false } }),
  );
  await reader.until('{"token":"1"}');
  stage.gateway.kill("SIGTERM");
  await stage.gateway.line((line) => line.includes("Stopping"));
  await stage.emulator.release("count", "all");

  const answer = await readTyped(new Response(await reader.rest()));

  expect(answer).toMatchObject({ text: "1 2 3 4 5", isDone: true });
  expect(await stage.gateway.exited).toBe(0);
});

test("300 answers at a time are whole, each with its own tokens", async () => {
  await using stage = await startStage();
  const answers = await Promise.all(
    Array.from({ length: 300 }, (_, index) =>
      say(stage, { message: `Say: this is answer ${index}`, session_id: `s${index}`, options: quiet }),
    ),
  );

  expect(answers.map(({ text }) => text)).toEqual(answers.map((_, index) => `this is answer ${index}`));
  expect(answers.every(({ isDone }) => isDone)).toBe(true);
});

test("a PDF is read by a process of its own, one that is none is refused, and no process stays", async () => {
  await using stage = await startStage();
  const post = (name: string, bytes: Uint8Array) => {
    const form = new FormData();
    form.append("file", new File([bytes], name, { type: "application/pdf" }));
    return fetch(`${stage.gateway.url}/api/documents`, { method: "POST", body: form });
  };

  const imported = await post("lease.pdf", makePdf({ pages: [["The rent is due on Mondays."]] }));
  const refused = await post("broken.pdf", Buffer.from("%PDF-1.4 nothing"));
  const asked = await say(stage, { message: "When is the rent due?", options: quiet });

  expect(imported.status).toBe(200);
  expect(refused.status).toBe(400);
  expect(await refused.text()).toContain("file is a PDF that is damaged");
  expect(JSON.stringify(asked.frames)).toContain("The rent is due on Mondays.");
  expect(childrenOf(stage.gateway.pid)).toEqual([]);
});

/** Ids of its processes, as Linux tells them; none elsewhere. */
function childrenOf(pid: number): string[] {
  const path = `/proc/${pid}/task/${pid}/children`;
  return existsSync(path) ? readFileSync(path, "utf8").split(" ").filter(Boolean) : [];
}
