// Chromium for the page's tests: found where systems put it, started once a file, and watched for everything it complains about.

import { afterAll, beforeAll, setDefaultTimeout } from "bun:test";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { chromiumFlags, findChromium } from "./find-chromium.ts";

const executablePath = findChromium();

/** Tests of the page need a browser; without one they are skipped, and that is said. */
export const hasBrowser: boolean = executablePath !== undefined;
if (!hasBrowser) console.warn("The chat page is not tested: there is no Chromium (Debian: apt-get install chromium)");

/** Longest wait for anything on the page. */
const patienceMs = 15_000;

let started: Promise<Browser> | undefined;
/** Of the file that runs, beside those of all. */
let ownFlags: readonly string[] = [];

/** A test that runs out of time takes the browser with it, and the tests behind it too: none does on a busy machine. */
const testTimeoutMs = 60_000;

/** In each file that opens pages: the browser ends with its last test. */
export function useBrowser(flags: readonly string[] = []): void {
  setDefaultTimeout(testTimeoutMs);
  beforeAll(() => {
    ownFlags = flags;
  });
  afterAll(async () => {
    const browser = await started;
    started = undefined;
    await browser?.close();
  });
}

export interface OpenPage extends AsyncDisposable {
  readonly page: Page;
  /** Errors and warnings of the console, errors nobody caught, and requests that left the gateway. */
  readonly complaints: readonly string[];
}

export interface OpenOptions extends BrowserContextOptions {
  /** What to open. @defaultValue `/chat` */
  readonly path?: string;
  /** Complaints that belong to the test, such as a request that the test lets fail. */
  readonly expected?: RegExp;
}

/** A page of its own profile on one of the gateway's pages. Playwright gives each a new user data folder. */
export async function openChat(url: string, options: OpenOptions = {}): Promise<OpenPage> {
  const { path = "/chat", expected, ...contextOptions } = options;
  started ??= chromium.launch({
    executablePath: executablePath ?? "",
    headless: true,
    args: [...chromiumFlags, ...ownFlags],
  });
  const browser = await started;
  const context = await browser.newContext({ viewport: { width: 1200, height: 760 }, ...contextOptions });
  const page = await context.newPage();
  page.setDefaultTimeout(patienceMs);
  const complaints: string[] = [];
  const complain = (text: string) => {
    if (expected === undefined || !expected.test(text)) complaints.push(text);
  };
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complain(message.text());
  });
  page.on("pageerror", (error) => complain(error.stack ?? error.message));
  page.on("request", (request) => {
    if (!request.url().startsWith(`${url}/`) && !request.url().startsWith("data:")) complain(`left: ${request.url()}`);
  });
  await page.goto(url + path);
  await page.locator(".composer, .key-form, .agent-setup, .masthead").first().waitFor();
  return { page, complaints, [Symbol.asyncDispose]: () => context.close() };
}
