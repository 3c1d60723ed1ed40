// Conversations and their trees in the browser: the list, editing, retrying, branching, walking.

import { describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { answered, say, textOf } from "./acting.ts";
import { hasBrowser, openChat, useBrowser } from "./browser.ts";
import { startFakeGateway } from "./fake-gateway.ts";

/** Resolves when these messages, and no others, are on the screen. @throws {Error} with what is there instead */
async function shows(page: Page, messages: readonly string[]): Promise<void> {
  let shown: string[] = [];
  for (let waitedMs = 0; waitedMs < 8000; waitedMs += 20) {
    shown = await page.locator(".bubble, .prose").allInnerTexts();
    if (Bun.deepEquals(shown, messages)) return;
    await Bun.sleep(20);
  }
  expect(shown).toEqual([...messages]);
}

function startEcho() {
  const gateway = startFakeGateway();
  let count = 0;
  gateway.script = ({ message }) => {
    count += 1;
    return [{ token: `${message ?? "again"} ${count}` }];
  };
  return gateway;
}

useBrowser();

describe.skipIf(!hasBrowser)("the chat page", () => {
  test("answers once more as a branch, and walks between the answers", async () => {
    using gateway = startEcho();
    await using chat = await openChat(gateway.url);
    const { page } = chat;
    await say(page, "a");
    await answered(page);
    await page.getByRole("button", { name: /^Answer once more/ }).click();
    await page.locator(".prose", { hasText: "again 2" }).waitFor();
    await answered(page);

    expect(gateway.asked[1]).toMatchObject({ retry_of: "user-2", session_id: "session-1" });
    await page.getByRole("button", { name: "Earlier answer" }).click();
    await shows(page, ["a", "a 1"]);
    await page.getByRole("group", { name: "Answer 1 of 2" }).waitFor();
    // The focus goes along, to the button that still leads somewhere.
    await page.locator(".siblings button[aria-label='Later answer']:focus").waitFor();
    await page.keyboard.press("Enter");
    await shows(page, ["a", "again 2"]);
    expect(chat.complaints).toEqual([]);
  });

  test("edits a message as a branch, and Escape leaves it as it was", async () => {
    using gateway = startEcho();
    await using chat = await openChat(gateway.url);
    const { page } = chat;
    await say(page, "a");
    await answered(page);
    await say(page, "b");
    await answered(page);
    const edit = page.getByRole("button", { name: /^Edit the message/ });

    await edit.nth(1).click();
    await page.getByLabel("New wording").fill("nothing");
    await page.keyboard.press("Escape");
    await shows(page, ["a", "a 1", "b", "b 2"]);
    expect(await edit.nth(1).evaluate((button) => button === document.activeElement)).toBe(true);
    await edit.nth(1).click();
    await page.getByLabel("New wording").fill("c");
    await page.keyboard.press("Enter");
    await page.locator(".prose", { hasText: "c 3" }).waitFor();

    await shows(page, ["a", "a 1", "c", "c 3"]);
    expect(gateway.asked[2]).toMatchObject({ message: "c", parent_id: "answer-3" });
    await page.getByRole("button", { name: "Earlier wording" }).click();
    await shows(page, ["a", "a 1", "b", "b 2"]);
    await edit.nth(0).click();
    await page.getByLabel("New wording").fill("d");
    await page.keyboard.press("Enter");
    await page.locator(".prose", { hasText: "d 4" }).waitFor();
    expect(gateway.asked[3]).toMatchObject({ message: "d", parent_id: null });
    expect(chat.complaints).toEqual([]);
  });

  test("begins a branch behind an earlier answer, or leaves it be", async () => {
    using gateway = startEcho();
    await using chat = await openChat(gateway.url);
    const { page } = chat;
    await say(page, "a");
    await answered(page);
    await say(page, "b");
    await answered(page);

    await page
      .getByRole("button", { name: /^Begin a branch/ })
      .first()
      .click();
    await page.getByText("Your next message begins a new branch here.").waitFor();
    await shows(page, ["a", "a 1"]);
    await page.getByRole("button", { name: "Back to where it went on" }).click();
    await shows(page, ["a", "a 1", "b", "b 2"]);
    await page
      .getByRole("button", { name: /^Begin a branch/ })
      .first()
      .click();
    await page.keyboard.type("c");
    await page.keyboard.press("Enter");
    await page.locator(".prose", { hasText: "c 3" }).waitFor();

    await shows(page, ["a", "a 1", "c", "c 3"]);
    expect(gateway.asked[2]).toMatchObject({ message: "c", parent_id: "answer-3" });
    expect(chat.complaints).toEqual([]);
  });

  test("shows the whole tree, and walks in it by keyboard", async () => {
    using gateway = startEcho();
    await using chat = await openChat(gateway.url);
    const { page } = chat;
    await say(page, "a");
    await answered(page);
    await page.getByRole("button", { name: /^Answer once more/ }).click();
    await page.locator(".prose", { hasText: "again 2" }).waitFor();
    await answered(page);
    await say(page, "b");
    await answered(page);

    const opener = page.getByRole("button", { name: "Tree of the conversation" });
    await opener.click();
    const tree = page.getByRole("complementary", { name: "Tree of the conversation" });
    expect(await tree.locator("li").allInnerTexts()).toEqual([
      "You\na",
      "Answer\na 1",
      "Answer\nagain 2",
      "You\nb",
      "Answer\nb 3",
    ]);
    expect(await tree.locator(".on-path").count()).toBe(4);
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Answerb 3");
    for (const key of ["Home", "ArrowDown", "Enter"]) await page.keyboard.press(key);
    await page.locator(".prose", { hasText: "a 1" }).waitFor();
    await shows(page, ["a", "a 1"]);
    await page.keyboard.press("Escape");
    expect(await tree.count()).toBe(0);
    expect(await opener.evaluate((button) => button === document.activeElement)).toBe(true);
    expect(chat.complaints).toEqual([]);
  });

  test("lists conversations, opens them, goes back to them, and forgets one that is deleted", async () => {
    using gateway = startEcho();
    const old = gateway.addSession("An old one", [
      {
        id: "q",
        parent_id: null,
        role: "user",
        content: "Was it so?",
        attachments: [{ name: "plan.png", type: "image/png" }],
      },
      { id: "a", parent_id: "q", role: "assistant", content: "It was.", quality_score: 0.3, stages: ["generation"] },
      { id: "q2", parent_id: "a", role: "user", content: "Why?" },
      {
        id: "a2",
        parent_id: "q2",
        role: "assistant",
        content: "",
        status: "failed",
        error: "The model is gone. Try again.",
      },
    ]);
    await using chat = await openChat(gateway.url);
    const { page } = chat;
    await say(page, "a new one");
    await answered(page);

    await page.getByRole("button", { name: /^An old one/ }).click();
    await page.locator(".prose", { hasText: "It was." }).waitFor();
    expect(page.url()).toEndWith(`#${old}`);
    expect(await textOf(page.locator(".question .attachment"))).toBe("plan.png");
    await page.locator(".trouble", { hasText: "The model is gone." }).waitFor();
    await page.goBack();
    await page.locator(".prose", { hasText: "a new one 1" }).waitFor();
    await page.goForward();
    await page.locator(".prose", { hasText: "It was." }).waitFor();
    await page.getByRole("button", { name: "Delete An old one" }).click();
    await page.getByRole("button", { name: "Delete An old one" }).click();
    await page.getByText("What would you like to know?").waitFor();

    expect(gateway.requests).toContain(`DELETE /api/chat/sessions/${old}`);
    expect(await page.locator(".session").count()).toBe(1);
    expect(chat.complaints).toEqual([]);
  });

  test("takes the files of a message along when it is edited after a reload, and when it is answered once more", async () => {
    using gateway = startEcho();
    await using chat = await openChat(gateway.url);
    const { page } = chat;
    const note = { name: "note.txt", mimeType: "text/plain", buffer: Buffer.from("plum") };
    await page.locator(".composer input[type=file]").setInputFiles([note]);
    await page.locator(".composer .attachment").waitFor();
    await say(page, "a");
    await answered(page);

    await page.reload();
    await page.getByRole("button", { name: /^Answer once more/ }).click();
    await page.locator(".prose", { hasText: "again 2" }).waitFor();
    await answered(page);
    await page.getByRole("button", { name: /^Edit the message/ }).click();
    await page.getByText("Its files come along.").waitFor();
    await page.getByLabel("New wording").fill("b");
    await page.keyboard.press("Enter");
    await page.locator(".prose", { hasText: "b 3" }).waitFor();
    await answered(page);

    expect(gateway.asked[1]).toEqual({ retry_of: "user-2", session_id: "session-1", resumable: true });
    expect(gateway.asked[2]).toMatchObject({ message: "b", parent_id: null, attachments_of: "user-2" });
    expect(gateway.asked[2]).not.toHaveProperty("attachments");
    expect(await textOf(page.locator(".question .attachment"))).toBe("note.txt");
    expect(chat.complaints).toEqual([]);
  });

  test("goes on answering in a conversation that is not looked at", async () => {
    using gateway = startFakeGateway();
    gateway.script = ({ message }) =>
      message === "slow" ? [{ token: "Slow" }, { gate: "end" }, { token: "ly." }] : [{ token: "Quick." }];
    await using chat = await openChat(gateway.url);
    const { page } = chat;
    await say(page, "slow");
    await page.locator(".prose", { hasText: "Slow" }).waitFor();
    await page.getByRole("button", { name: "New conversation" }).click();
    // Nobody writes before the new one stands there.
    await page.locator(".prose", { hasText: "Slow" }).waitFor({ state: "detached" });
    await say(page, "quick");
    await page.locator(".prose", { hasText: "Quick." }).waitFor();
    gateway.openGate("end");
    await page.getByRole("button", { name: /slow/ }).first().click();
    await page.locator(".prose", { hasText: "Slowly." }).waitFor();

    expect(gateway.requests.filter((line) => line.startsWith("GET /api/chat/stream"))).toEqual([]);
    expect(chat.complaints).toEqual([]);
  });

  test("leaves the focus where it went while a deletion waits and an answer comes", async () => {
    using gateway = startFakeGateway();
    gateway.addSession("An old one", []);
    gateway.script = () => [{ token: "One" }, { gate: "more" }, { token: " two" }, { gate: "end" }];
    await using chat = await openChat(gateway.url);
    const { page } = chat;
    await say(page, "Count");
    await page.locator(".prose", { hasText: "One" }).waitFor();
    await page.locator(".session", { hasText: "An old one" }).hover();
    await page.getByRole("button", { name: "Delete An old one" }).click();
    await page.locator(".danger:focus").waitFor();

    await page.keyboard.press("Tab");
    gateway.openGate("more");
    await page.locator(".prose", { hasText: "One two" }).waitFor();

    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Keep");
    gateway.openGate("end");
    await answered(page);
    expect(chat.complaints).toEqual([]);
  });

  test("says so when a conversation is gone", async () => {
    using gateway = startEcho();
    await using chat = await openChat(gateway.url, { path: "/chat#gone", expected: /status of 404/ });

    await chat.page.getByRole("alert").getByText("it was deleted, or never was").waitFor();
    await chat.page.getByRole("button", { name: "New conversation" }).click();
    await chat.page.getByText("What would you like to know?").waitFor();
    expect(chat.complaints).toEqual([]);
  });
});
