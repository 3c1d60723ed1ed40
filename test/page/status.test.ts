// The status page out of the compiled executable, over the emulated Qwen, in a browser: what a person sees and does.

import { describe, expect, test } from "bun:test";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { createPlace, startBinary } from "../support/binary.ts";
import { type Stage, startStage } from "../e2e/stage.ts";
import { textOf } from "./acting.ts";
import { hasBrowser, openChat, useBrowser } from "./browser.ts";
import { busyFacts, pretend } from "./status-facts.ts";

useBrowser();

const open = (url: string, options: Parameters<typeof openChat>[1] = {}) => openChat(url, { path: "/", ...options });

/** Sentences about what breaks a rule of accessibility. */
async function breaches(page: Page): Promise<string[]> {
  // By the debugger, which no policy of the page keeps out.
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof import("axe-core") }).axe.run();
    return violations.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html}`));
  });
}

const overflow = (page: Page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

const tile = (page: Page, name: string) => page.locator(".tile", { hasText: name }).locator("dd");

/** A stream that says one word and waits. @returns what its client has had, once it ended */
async function holdStream(stage: Stage, headers: Record<string, string> = {}): Promise<Promise<string>> {
  await stage.emulator.script({ match: "Hold", gate: "a", reply: { chunks: ["one ", "two"] } });
  const asked = stage.post(
    "/v1/chat/completions",
    { model: "qwen3-max", stream: true, messages: [{ role: "user", content: "Hold" }] },
    { headers },
  );
  await stage.emulator.release("a", 2);
  return (await asked).text();
}

describe.skipIf(!hasBrowser)("the status page", () => {
  test("says what runs, and how a client is pointed at it, by the address of the browser", async () => {
    await using stage = await startStage();
    await using status = await open(stage.gateway.url);
    const { page } = status;

    await page.getByText("No key is needed from here.").waitFor();
    expect(await textOf(tile(page, "Version"))).toStartWith("0.1.0");
    expect(await textOf(tile(page, "Accounts ready"))).toBe("1 of 1");
    await page
      .getByRole("region", { name: "Table of upstreams" })
      .getByRole("row", { name: /^qwen-web/ })
      .first()
      .waitFor();
    const code = page.getByRole("region", { name: "curl, lines to copy" });
    expect(await textOf(code)).toContain(`curl -N '${stage.gateway.url}/v1/chat/completions' \\`);
    // The lines are true: what they ask for is answered.
    const body = /-d '(.*)'$/.exec(await textOf(code))?.[1] ?? "";
    const answer = await stage.post("/v1/chat/completions", body);
    expect([answer.status, (await answer.text()).includes("[DONE]")]).toEqual([200, true]);
    expect(status.complaints).toEqual([]);
  });

  test("copies addresses and lines", async () => {
    await using stage = await startStage();
    await using status = await open(stage.gateway.url, { permissions: ["clipboard-read", "clipboard-write"] });
    const { page } = status;
    const clipboard = () => page.evaluate(() => navigator.clipboard.readText());

    await page.getByRole("button", { name: "Copy the base URL for OpenAI SDK" }).click();
    await page.getByRole("button", { name: "Copied" }).waitFor();
    expect(await clipboard()).toBe(`${stage.gateway.url}/v1`);
    await page.getByRole("button", { name: "Copy the lines for Claude Code" }).click();
    await page.getByRole("button", { name: "Copied" }).nth(1).waitFor();
    expect(await clipboard()).toContain(`export ANTHROPIC_BASE_URL='${stage.gateway.url}'`);
    expect(status.complaints).toEqual([]);
  });

  test("copies where browsers give pages no clipboard of their own, too", async () => {
    await using stage = await startStage();
    await using status = await open(stage.gateway.url, { permissions: ["clipboard-read"] });
    const { page } = status;
    const own = await page.context().newPage();
    await own.addInitScript(() => Object.defineProperty(navigator, "clipboard", { value: undefined }));
    await own.goto(stage.gateway.url);

    const button = own.getByRole("button", { name: "Copy the base URL for Anthropic SDK" });
    await button.click();
    await own.getByRole("button", { name: "Copied" }).waitFor();

    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(stage.gateway.url);
    // The focus is where it was.
    expect(await own.evaluate(() => document.activeElement?.tagName)).toBe("BUTTON");
  });

  test("shows a stream while it runs, and ends it by keyboard alone, after a second thought", async () => {
    await using stage = await startStage();
    await using status = await open(stage.gateway.url);
    const { page } = status;
    await page.getByText("Nothing runs at the moment.").waitFor();
    const heard = holdStream(stage);
    const end = page.getByRole("button", { name: "End the stream of qwen3-max" });
    await end.waitFor();

    await end.focus();
    await page.keyboard.press("Enter");
    // The focus is on the question, and back where it was when it is taken back.
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("End it");
    await page.keyboard.press("Escape");
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("End");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Enter");
    await page.getByText("The stream was ended. Its client is told so.").waitFor();

    expect(await heard).toContain('"code":"overloaded"');
    await page.getByText("Nothing runs at the moment.").waitFor();
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Live streams");
    expect(status.complaints).toEqual([]);
  });

  test("plots what happened, says it in words, and has it as a table", async () => {
    await using stage = await startStage();
    await (await stage.post("/v1/chat/completions", { messages: [{ role: "user", content: "Hello" }] })).text();
    await (await stage.post("/v1/chat/completions", { model: "qwen3-max" })).text();
    await using status = await open(stage.gateway.url);
    const { page } = status;

    await page.getByRole("img", { name: "Requests a minute: 1 complete, 1 refused" }).locator("canvas").waitFor();
    await page
      .getByRole("img", { name: /^First token: Last: half within \d+ ms/ })
      .locator("canvas")
      .waitFor();
    await page.getByRole("img", { name: "Errors a minute: 1 invalid-request" }).locator("canvas").waitFor();
    await page.getByText("The same as a table").click();
    const table = page.getByRole("region", { name: "Figures of the last hour" });
    await table.getByRole("cell", { name: "1 invalid-request" }).waitFor();
    expect(await table.getByRole("row").count()).toBeGreaterThanOrEqual(2);
    expect(status.complaints).toEqual([]);
  });

  test("asks for an admin key, says that a wrong one is wrong, and keeps the right one in the tab alone", async () => {
    await using stage = await startStage({ environment: { API_KEY: "key-of-clients", ADMIN_KEY: "key-of-admin" } });
    await using status = await open(stage.gateway.url, { expected: /status of 40[13]/ });
    const { page } = status;
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    const field = page.getByLabel("Upstreams, accounts and streams need an admin key");

    await field.waitFor();
    await tile(page, "Upstreams").getByText("qwen-web").waitFor();
    await page.getByText("An API key is needed").waitFor();
    expect(await page.getByRole("link", { name: "openapi.json" }).count()).toBe(0);
    for (const [wrong, words] of [
      ["nonsense", "The gateway does not know this key."],
      ["key-of-clients", "it needs an admin key or a key with the scope admin, and this is neither"],
    ] as const) {
      await field.fill(wrong);
      await page.keyboard.press("Enter");
      await page.getByRole("alert").filter({ hasText: words }).waitFor();
    }
    await field.fill("key-of-admin");
    await page.keyboard.press("Enter");
    await page.getByRole("region", { name: "Table of accounts" }).waitFor();

    await page.reload();
    await page.getByRole("region", { name: "Table of accounts" }).waitFor();
    const kept = await page.evaluate(() => [
      JSON.stringify(localStorage),
      JSON.stringify(sessionStorage),
      document.cookie,
    ]);
    expect(kept.map((text) => text.includes("key-of-admin"))).toEqual([false, true, false]);
    expect(asked.filter((url) => url.includes("key-of"))).toEqual([]);
    // A link would send no key.
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save openapi.json" }).click();
    expect((await download).suggestedFilename()).toBe("openapi.json");
    await page.getByRole("button", { name: "Forget the admin key" }).click();
    await field.waitFor();
    expect(await page.evaluate(() => JSON.stringify(sessionStorage))).not.toContain("key-of-admin");
    expect(status.complaints).toEqual([]);
  });

  test("says since when there is no answer, and goes on by itself when there is one again", async () => {
    const environment = { PORT: "0", QWEN_TOKEN: "test-token" };
    using place = createPlace();
    const gateway = await startBinary([], environment, place);
    await using _ = gateway;
    await using status = await open(gateway.url, { expected: /ERR_|Failed to load/ });
    const { page } = status;
    // From here on its timers are ours.
    await page.clock.install();
    await page.reload();
    await page.getByRole("region", { name: "Table of accounts" }).waitFor();

    gateway.kill("SIGTERM");
    await gateway.exited;
    await page.clock.runFor(6000);
    await page
      .getByText(/^No answer since \d\d:\d\d:\d\d$/)
      .first()
      .waitFor();
    await page.getByText("What stands here is old.").waitFor();
    // What it said last stays.
    await page.getByRole("region", { name: "Table of accounts" }).waitFor();
    await using again = await startBinary([], { ...environment, PORT: String(gateway.port) }, place);
    await page.clock.runFor(6000);
    await page.getByText("The gateway answers again.").waitFor({ state: "attached" });

    expect(again.port).toBe(gateway.port);
    expect(await page.getByText("What stands here is old.").count()).toBe(0);
    expect(status.complaints).toEqual([]);
  });

  test("says that no key helps where the gateway is open to others and has none", async () => {
    await using stage = await startStage({ environment: { HOST: "0.0.0.0", INSECURE: "true" } });
    const url = `http://127.0.0.1:${stage.gateway.port}`;
    await using status = await open(url, { expected: /status of 403/ });
    const { page } = status;

    await page.getByText("set ADMIN_KEY").waitFor();
    await page.getByText("No key is needed from here.").waitFor();
    expect(await page.getByLabel(/admin key/).count()).toBe(0);
    expect(await textOf(tile(page, "Upstreams"))).toBe("qwen-web");
    expect(await breaches(page)).toEqual([]);
    expect(status.complaints).toEqual([]);
  });

  test("says when another version has taken the gateway's place", async () => {
    await using stage = await startStage();
    await using status = await open(stage.gateway.url);
    const { page } = status;
    await page.clock.install();
    await page.reload();
    await page.getByRole("region", { name: "Table of accounts" }).waitFor();
    const facts = busyFacts(Date.now());
    await pretend(page, { ...facts, status: { ...Object(facts["status"]), version: "9.9.9" } });
    await page.clock.runFor(6000);

    await page.getByText("The gateway is version 9.9.9 now, and this page came with 0.1.0.").waitFor();
    await page.unroute(/\/admin\/api\/(\w+)/);
    await page.getByRole("link", { name: "Load it anew" }).click();
    await page.getByRole("region", { name: "Table of accounts" }).waitFor();
    expect(await page.getByText("this page came with").count()).toBe(0);
    expect(status.complaints).toEqual([]);
  });

  test("shows the figures of a minute under the pointer", async () => {
    await using stage = await startStage();
    await using status = await open(stage.gateway.url);
    const { page } = status;
    const facts = busyFacts(Date.now());
    await pretend(page, facts);
    await page.reload();
    const figure = page.getByRole("figure", { name: "Requests a minute" });
    const plot = figure.locator(".u-over");
    await plot.waitFor();

    await plot.hover();
    await figure
      .locator(".at")
      .getByText(/^\d\d:\d\d$/)
      .waitFor();
    const shown = await figure.locator(".legend li").first().textContent();
    await page.mouse.move(0, 0);

    expect(shown).toMatch(/^complete\d+$/);
    await figure
      .locator(".legend li")
      .first()
      .getByText(/^complete$/)
      .waitFor();
    expect(status.complaints).toEqual([]);
  });

  test("asks nothing while nobody looks", async () => {
    await using stage = await startStage();
    await using status = await open(stage.gateway.url);
    const { page } = status;
    // From here on its timers are ours.
    await page.clock.install();
    await page.reload();
    await page.getByRole("region", { name: "Table of accounts" }).waitFor();
    // What comes behind the page, the code of its plots and the models, is of it.
    await page.waitForLoadState("networkidle");
    const asked: string[] = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    const look = (state: string) =>
      page.evaluate((visibility) => {
        Object.defineProperty(document, "visibilityState", { configurable: true, get: () => visibility });
        document.dispatchEvent(new Event("visibilitychange"));
      }, state);

    await look("hidden");
    await page.clock.runFor(60_000);
    expect(asked).toEqual([]);
    const next = page.waitForRequest(/admin\/api\/status/);
    await look("visible");
    await next;

    expect(status.complaints).toEqual([]);
  });

  test.each([
    ["light", 1180, 900],
    ["dark", 1180, 900],
    ["light", 360, 740],
    ["dark", 360, 740],
  ] as const)(
    "breaks no rule of accessibility in %s, %d pixels wide, whatever it shows",
    async (colorScheme, width, height) => {
      await using stage = await startStage();
      await using status = await open(stage.gateway.url, { colorScheme, viewport: { width, height } });
      const { page } = status;
      await pretend(page, busyFacts(Date.now()));
      await page.reload();
      await page.locator(".plot canvas").nth(2).waitFor();
      await page.getByText("The same as a table").click();
      await page.getByRole("button", { name: "End the stream of qwen3-coder-plus" }).click();

      expect(await breaches(page)).toEqual([]);
      expect(await overflow(page)).toBe(0);
      expect(status.complaints).toEqual([]);
    },
  );

  test("breaks none where it asks for a key, and where nobody answers", async () => {
    await using stage = await startStage({ environment: { ADMIN_KEY: "key-of-admin" } });
    await using status = await open(stage.gateway.url, { expected: /status of 401|ERR_/ });
    const { page } = status;
    await page.getByLabel(/need an admin key/).fill("wrong");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();

    expect(await breaches(page)).toEqual([]);
    await page.route(/\/health/, (route) => route.abort());
    await page.getByText("What stands here is old.").waitFor();
    expect(await breaches(page)).toEqual([]);
    expect(status.complaints).toEqual([]);
  });

  test("is walked through by the tab key, from the first link to the last", async () => {
    await using stage = await startStage();
    await using status = await open(stage.gateway.url);
    const { page } = status;
    await page.locator(".plot canvas").nth(2).waitFor();
    const reachable = await page.locator("a[href], button, summary, [tabindex='0']").count();

    const seen = new Set<string>();
    for (let step = 0; step < reachable; step++) {
      await page.keyboard.press("Tab");
      seen.add(
        await page.evaluate(() => {
          const { activeElement } = document;
          const place = activeElement?.getBoundingClientRect();
          return `${activeElement?.tagName} ${place?.left} ${(place?.top ?? 0) + scrollY}`;
        }),
      );
    }

    expect(seen.size).toBe(reachable);
    expect([...seen].some((name) => name.startsWith("BODY"))).toBe(false);
  });

  test("draws its plots anew when the colours change", async () => {
    await using stage = await startStage();
    await using status = await open(stage.gateway.url, { colorScheme: "light" });
    const { page } = status;
    await pretend(page, busyFacts(Date.now()));
    await page.reload();
    const canvas = page.locator(".plot canvas").first();
    await canvas.waitFor();
    const before = await canvas.elementHandle();

    await page.getByRole("button", { name: "Colours: as the system" }).click();
    await page.getByRole("button", { name: "Colours: light" }).click();
    await page.waitForFunction((old) => !(old as HTMLElement).isConnected, before);
    // They may be drawn once for each click.
    await page.waitForFunction(() => document.querySelectorAll(".plot canvas").length === 3);

    expect(await page.evaluate(() => document.documentElement.dataset["theme"])).toBe("dark");
    expect(status.complaints).toEqual([]);
  });
});
