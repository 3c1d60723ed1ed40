// `bun test/page/measure-page.ts [--url address] [--trace folder]`: the figures of docs/chat-page.md. How soon the page can be
// used, and what ten thousand tokens cost it; with a trace of each answer, kept in the folder, the figures out of that. By
// hand: figures depend on the machine, so that no test waits for them.

import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Browser, type CDPSession, chromium, type Page } from "playwright-core";
import { chromiumFlags, findChromium } from "./find-chromium.ts";
import { startFakeGateway } from "./fake-gateway.ts";
import type { Step } from "./fake-streams.ts";
import { readMainThread, recordTrace, type TraceEvent } from "./read-trace.ts";

const tokens = 10_000;
/** Tokens that the gateway sends at a time, and the pause behind them: 1000 a second, ten times a fast model. */
const perStep = 4;
const pauseMs = 4;
/** Behind the end of an answer, for observers to be told, in milliseconds. */
const settleMs = 300;

const words = "the contract asks for three months of notice in writing to the end of a quarter and says why".split(" ");
const word = (index: number) => `${words[(index * 7) % words.length]} `;

/** Kinds of text; each token is about four characters, as those of a model are. */
const texts: Readonly<Record<string, (index: number) => string>> = {
  "mixed Markdown": (index) => {
    if (index % 400 === 399) return "\n\n```ts\nconst answer: number = 42;\nexport { answer };\n```\n\n";
    if (index % 150 === 149) return "\n\n## A heading\n\n";
    if (index % 90 === 89) return "\n\n- an item\n- **another** one with `code`\n\n";
    return index % 60 === 59 ? "\n\n" : word(index);
  },
  "one block of code": (index) => (index === 0 ? "```js\n" : index % 9 === 8 ? `;\n` : `x${index} + `),
  "one list": (index) => (index % 12 === 0 ? "\n- " : word(index)),
  "one paragraph": word,
};

const { values } = parseArgs({ options: { trace: { type: "string" }, url: { type: "string" } } });
const browser = await chromium.launch({ executablePath: findChromium() ?? "", headless: true, args: chromiumFlags });
await measureStart(browser);
for (const [name, text] of Object.entries(texts)) await measureAnswer(browser, name, text, pauseMs);
await measureAnswer(browser, "mixed Markdown at once", texts["mixed Markdown"] ?? word, 0);
await measureStored(browser);
await browser.close();
process.exit(0);

async function measureStart(browser: Browser): Promise<void> {
  using gateway = startFakeGateway();
  const times: number[] = [];
  for (let round = 0; round < 11; round += 1) {
    // A profile of its own each time: nothing is cached.
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${values.url ?? gateway.url}/chat`);
    await page.getByLabel("Message", { exact: true }).waitFor();
    times.push(await page.evaluate(() => performance.getEntriesByName("chat-interactive")[0]?.startTime ?? Number.NaN));
    await context.close();
  }
  // The first one bundles the page.
  const [first = 0, ...others] = times;
  const sorted = others.toSorted((a, b) => a - b);
  console.log(
    `interactive after ${Math.round(sorted[5] ?? 0)} ms (median of 10, worst ${Math.round(sorted.at(-1) ?? 0)}, bundling included ${Math.round(first)})`,
  );
}

async function measureAnswer(
  browser: Browser,
  name: string,
  text: (index: number) => string,
  pauseMs: number,
): Promise<void> {
  using gateway = startFakeGateway();
  const steps: Step[] = [{ stage: "generation" }];
  for (let index = 0; index < tokens; index += 1) {
    steps.push({ token: text(index) });
    if (pauseMs > 0 && index % perStep === perStep - 1) steps.push({ waitMs: pauseMs });
  }
  gateway.script = () => steps;
  const context = await browser.newContext({ viewport: { width: 1200, height: 760 } });
  const page = await context.newPage();
  await page.goto(`${gateway.url}/chat`);
  await watch(page);
  const devtools = await context.newCDPSession(page);
  await devtools.send("Performance.enable");
  const before = await metricsOf(devtools);
  const recording = values.trace === undefined ? undefined : await recordTrace(page);
  const startedAtMs = performance.now();
  await page.getByLabel("Message", { exact: true }).fill("Go on");
  await page.keyboard.press("Enter");
  await page.locator(".foot").waitFor({ timeout: 120_000 });
  const tookMs = performance.now() - startedAtMs;
  await settle(page);
  const trace = await recording?.stop();
  const after = await metricsOf(devtools);
  const seen = await page.evaluate(() => (globalThis as unknown as { seen: Seen }).seen);
  const spent = (key: string) => Math.round(1000 * ((after[key] ?? 0) - (before[key] ?? 0)));
  console.log(
    `${name}: ${tokens} tokens in ${(tookMs / 1000).toFixed(1)} s; script ${spent("ScriptDuration")} ms, layout ${spent("LayoutDuration")} ms, style ${spent("RecalcStyleDuration")} ms; longest task ${Math.round(seen.longestTaskMs)} ms, ${seen.longTasks} above 50 ms; longest frame ${Math.round(seen.longestFrameMs)} ms; layout shift ${seen.shift.toFixed(4)}`,
  );
  if (trace !== undefined) await tellTrace(name, trace);
  await context.close();
}

/** Also as a file that the browser's own tools open. */
async function tellTrace(name: string, traceEvents: readonly TraceEvent[]): Promise<void> {
  const { tasks, busyMs, longestMs, longTasks, spanMs } = readMainThread(traceEvents);
  console.log(
    `  by the trace: ${tasks} tasks of the main thread, ${Math.round(busyMs)} ms of ${Math.round(spanMs)} (${Math.round((100 * busyMs) / spanMs)} %); longest ${longestMs.toFixed(1)} ms, ${longTasks} above 50 ms`,
  );
  await Bun.write(join(values.trace ?? "", `${name.replaceAll(" ", "-")}.json`), JSON.stringify({ traceEvents }));
}

/** A conversation of two hundred messages, opened from the list. */
async function measureStored(browser: Browser): Promise<void> {
  using gateway = startFakeGateway();
  const mixed = texts["mixed Markdown"] ?? word;
  gateway.addSession(
    "Long",
    Array.from({ length: 200 }, (_, index) => ({
      id: `m${index}`,
      parent_id: index === 0 ? null : `m${index - 1}`,
      role: index % 2 === 0 ? "user" : "assistant",
      content: index % 2 === 0 ? "Go on" : Array.from({ length: 400 }, (__, at) => mixed(at)).join(""),
    })),
  );
  const page = await browser.newPage({ viewport: { width: 1200, height: 760 } });
  await page.goto(`${gateway.url}/chat`);
  await watch(page);
  const startedAtMs = performance.now();
  await page.getByRole("button", { name: /^Long/ }).click();
  await page.locator(".foot").nth(99).waitFor();
  const tookMs = performance.now() - startedAtMs;
  await settle(page);
  const seen = await page.evaluate(() => (globalThis as unknown as { seen: Seen }).seen);
  console.log(`200 stored messages: ${Math.round(tookMs)} ms; longest task ${Math.round(seen.longestTaskMs)} ms`);
  await page.close();
}

/** A trace has no task that runs while it ends, and the end of an answer is seen from within one. */
async function settle(page: Page): Promise<void> {
  await page.evaluate((ms) => new Promise((resolve) => setTimeout(resolve, ms)), settleMs);
}

interface Seen {
  longestTaskMs: number;
  longTasks: number;
  longestFrameMs: number;
  shift: number;
}

async function watch(page: Page): Promise<void> {
  await page.evaluate(() => {
    const seen: Seen = { longestTaskMs: 0, longTasks: 0, longestFrameMs: 0, shift: 0 };
    Object.assign(globalThis, { seen });
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) {
        seen.longTasks += 1;
        seen.longestTaskMs = Math.max(seen.longestTaskMs, duration);
      }
    }).observe({ type: "longtask" });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) seen.shift += (entry as PerformanceEntry & { value: number }).value;
    }).observe({ type: "layout-shift" });
    let last = performance.now();
    const next = (now: number) => {
      seen.longestFrameMs = Math.max(seen.longestFrameMs, now - last);
      last = now;
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  });
}

async function metricsOf(devtools: CDPSession): Promise<Record<string, number>> {
  const { metrics } = await devtools.send("Performance.getMetrics");
  return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
}
