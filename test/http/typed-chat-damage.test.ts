// A data directory that the typed chat cannot use: everything else goes on, and clients are told nothing of this machine.

import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Harness, startHarness } from "../support/harness.ts";
import { user, readError } from "./client.ts";
import { postMessage, say } from "./typed-client.ts";

const quiet = { follow_ups: false, quality: false };

const damages: Readonly<Record<string, (dataDir: string) => void>> = {
  "is damaged": (dataDir) => writeFileSync(join(dataDir, "chat.db"), "no database ".repeat(500)),
  "is of a newer version": (dataDir) => {
    using database = new Database(join(dataDir, "chat.db"));
    database.run("PRAGMA user_version = 1000");
  },
  "is a directory": (dataDir) => mkdirSync(join(dataDir, "chat.db")),
  "has no room for streams": (dataDir) => writeFileSync(join(dataDir, "replay"), ""),
};

test.each(Object.keys(damages))("a chat.db that %s costs the typed chat only [R3-084]", async (name) => {
  await using harness = await startHarness();
  damages[name]?.(harness.dataDir);

  const refused = await Promise.all([
    postMessage(harness, { message: "Hello" }).then(readError),
    harness.get("/api/chat/sessions").then(readError),
    harness.get("/api/documents").then(readError),
  ]);

  for (const { status, error } of refused) {
    expect(status).toBe(500);
    expect(error.message).toBe("Cannot open the typed chat: the gateway's log says why");
  }
  expect(harness.logLines.join("\n")).toContain(harness.dataDir);
  const answer = await harness.chat({ session_id: "s1", messages: [user("Hello")] });
  expect(answer.status).toBe(200);
  await answer.text();
});

test("sessions of the other surfaces are forgotten although chat.db cannot be opened, which is told", async () => {
  await using harness = await startHarness();
  await (await harness.chat({ session_id: "s1", messages: [user("Hello")] })).text();
  damages["is damaged"]?.(harness.dataDir);

  const { status } = await readError(await deleteSession(harness, "s1"));

  expect(status).toBe(500);
  expect((await harness.get("/v1/sessions/s1")).status).toBe(404);
});

test("the typed chat is there again as soon as its file is", async () => {
  await using harness = await startHarness();
  damages["has no room for streams"]?.(harness.dataDir);
  await (await postMessage(harness, { message: "Hello" })).text();
  rmSync(join(harness.dataDir, "replay"));

  const answer = await say(harness, { message: "Hello", options: quiet });

  expect(answer.isDone).toBe(true);
});

function deleteSession(harness: Harness, sessionId: string): Promise<Response> {
  return fetch(`${harness.url}/v1/sessions/${sessionId}`, { method: "DELETE" });
}
