// Speaking in place of typing: the microphone, its permission, what is recorded, and where the words go.

import { describe, expect, test } from "bun:test";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { textOf } from "./acting.ts";
import { agentPath } from "./agent-acting.ts";
import { hasBrowser, openChat, useBrowser } from "./browser.ts";
import { type FakeGatewayOptions, startFakeGateway } from "./fake-gateway.ts";

// A device that beeps; whether it may be used is what each test says.
useBrowser(["--use-fake-device-for-media-stream"]);

const allowed = { permissions: ["microphone"] };

function startHearing(transcribe: FakeGatewayOptions["transcribe"]) {
  return startFakeGateway({ speechModel: "whisper-1", ...(transcribe === undefined ? {} : { transcribe }) });
}

const speak = (page: Page) => page.getByRole("button", { name: "Speak" });
const writeDown = (page: Page) => page.getByRole("button", { name: "Write down what you said" });
/** What a screen reader is told by the composer. */
const news = (page: Page) => page.locator(".composer [role=status]");

describe.skipIf(!hasBrowser)("the microphone", () => {
  test("is there only where what is said can be written down, and the page may use it only then", async () => {
    using deaf = startFakeGateway();
    await using without = await openChat(deaf.url);
    await without.page.getByLabel("Message", { exact: true }).waitFor();
    expect(await speak(without.page).count()).toBe(0);
    using hearing = startHearing(undefined);
    await using chat = await openChat(hearing.url);
    await speak(chat.page).waitFor();

    const policyOf = async (url: string) => (await fetch(`${url}/chat`)).headers.get("permissions-policy");
    expect(await policyOf(deaf.url)).toContain("microphone=()");
    expect(await policyOf(hearing.url)).toContain("microphone=(self)");
    expect([...without.complaints, ...chat.complaints]).toEqual([]);
  });

  test("records until it is pressed again, by keyboard alone, and puts the words at the caret", async () => {
    const forms: FormData[] = [];
    using gateway = startHearing((form) => {
      forms.push(form);
      return Response.json({ text: " quick brown " });
    });
    await using chat = await openChat(gateway.url, allowed);
    const { page } = chat;
    const field = page.getByLabel("Message", { exact: true });
    await field.fill("The fox");
    await field.evaluate((element) => (element as unknown as HTMLTextAreaElement).setSelectionRange(3, 3));
    await speak(page).focus();

    await page.keyboard.press("Enter");
    await writeDown(page).waitFor();
    expect(await textOf(news(page))).toStartWith("Recording.");
    await page.locator(".spoken-time", { hasText: /0:(?!00)/ }).waitFor();
    await page.keyboard.press("Space");
    await page.locator(".composer [role=status]", { hasText: "Written: quick brown" }).waitFor();

    expect(await field.inputValue()).toBe("The quick brown fox");
    expect(await field.evaluate((element) => (element as unknown as HTMLTextAreaElement).selectionStart)).toBe(15);
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe("TEXTAREA");
    const [form] = forms;
    expect([form?.get("model"), form?.get("response_format")]).toEqual(["whisper-1", "json"]);
    const said = form?.get("file") as File;
    // As WebM files begin.
    expect([
      said.name,
      Buffer.from(await said.arrayBuffer())
        .subarray(0, 4)
        .toString("hex"),
    ]).toEqual(["speech.webm", "1a45dfa3"]);
    // The words are there after a reload, as typed ones are, and nothing was sent.
    await page.reload();
    expect(await field.inputValue()).toBe("The quick brown fox");
    expect(gateway.asked).toEqual([]);
    expect(chat.complaints).toEqual([]);
  });

  test("is discarded by Escape, which stops nothing else", async () => {
    const forms: FormData[] = [];
    using gateway = startHearing((form) => {
      forms.push(form);
      return Response.json({ text: "never" });
    });
    gateway.script = () => [{ type: "token", content: "one " }, { gate: "end" }];
    await using chat = await openChat(gateway.url, allowed);
    const { page } = chat;
    await page.getByLabel("Message", { exact: true }).fill("Count");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Stop the answer (Escape)" }).waitFor();
    await speak(page).click();
    await writeDown(page).waitFor();

    await page.keyboard.press("Escape");

    await speak(page).waitFor();
    expect(await textOf(news(page))).toBe("Discarded");
    expect(await page.getByRole("button", { name: "Stop the answer (Escape)" }).count()).toBe(1);
    expect(forms).toEqual([]);
    gateway.openGate("end");
  });

  test("says in words that the browser does not allow it", async () => {
    using gateway = startHearing(undefined);
    await using chat = await openChat(gateway.url);
    const { page } = chat;
    await speak(page).click();

    const told = page.locator(".composer [role=alert]");
    await told.waitFor();
    expect(await textOf(told)).toBe(
      "The browser does not let this page use the microphone. Allow it beside the address of the page, then try again.",
    );
    await speak(page).waitFor();
    expect(chat.complaints).toEqual([]);
  });

  test("says what the gateway refused, or that nothing was heard, and can be used again", async () => {
    const answers = [
      Response.json({ error: { message: "Cannot reach the upstream: it is down" } }, { status: 502 }),
      Response.json({ text: "  " }),
      Response.json({ text: "Hello" }),
    ];
    using gateway = startHearing(() => answers.shift() ?? Response.json({ text: "" }));
    await using chat = await openChat(gateway.url, { ...allowed, expected: /status of 502/ });
    const { page } = chat;
    const once = async () => {
      await speak(page).click();
      await page.locator(".spoken-time", { hasText: /0:(?!00)/ }).waitFor();
      await writeDown(page).click();
      await speak(page).waitFor();
    };

    await once();
    await page.locator("[role=alert]", { hasText: "Cannot reach the upstream: it is down" }).waitFor();
    await once();
    await page.locator("[role=alert]", { hasText: "Nothing was heard." }).waitFor();
    await once();
    await page.locator(".composer [role=status]", { hasText: "Written: Hello" }).waitFor();
    expect(await page.locator(".composer [role=alert]").count()).toBe(0);
    expect(chat.complaints).toEqual([]);
  });

  test("brings the key, and writes into the agent's field as well", async () => {
    const keys: (string | null)[] = [];
    using gateway = startFakeGateway({
      key: "k1",
      speechModel: "whisper-1",
      transcribe(_form, request) {
        keys.push(request.headers.get("authorization"));
        return Response.json({ text: "Plan lunch" });
      },
    });
    await using chat = await openChat(gateway.url, { ...allowed, path: agentPath, expected: /status of 401/ });
    const { page } = chat;
    await page.locator(".key-form input").fill("k1");
    await page.keyboard.press("Enter");
    await speak(page).click();
    await page.locator(".spoken-time", { hasText: /0:(?!00)/ }).waitFor();
    await writeDown(page).click();
    await page.locator(".composer [role=status]", { hasText: "Written: Plan lunch" }).waitFor();

    expect(await page.getByLabel("Command", { exact: true }).inputValue()).toBe("Plan lunch");
    expect(keys).toEqual(["Bearer k1"]);
    expect(chat.complaints).toEqual([]);
  });

  test("breaches no rule of accessibility while it records", async () => {
    using gateway = startHearing(() => Response.json({ text: "x" }));
    await using chat = await openChat(gateway.url, { ...allowed, bypassCSP: true });
    const { page } = chat;
    await speak(page).click();
    await writeDown(page).waitFor();
    await page.evaluate(axe.source);
    const found = await page.evaluate(async () => {
      const { axe: rules } = globalThis as unknown as { axe: typeof import("axe-core") };
      return (await rules.run(document.querySelector(".composer") ?? document)).violations.map(({ id }) => id);
    });

    expect(found).toEqual([]);
  });
});
