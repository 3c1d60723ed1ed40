// Chromium for the page's tests: found where systems put it, started once, and watched for everything it complains about.

import { afterAll } from "bun:test";
import { existsSync } from "node:fs";
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from "playwright-core";

const places = [
  process.env["CHROMIUM"],
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];
const executablePath = places.find((path) => path !== undefined && existsSync(path));

/** Tests of the page need a browser; without one they are skipped, and that is said. */
export const hasBrowser: boolean = executablePath !== undefined;
if (!hasBrowser) console.warn("The chat page is not tested: there is no Chromium (Debian: apt-get install chromium)");

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

let started: Promise<Browser> | undefined;

afterAll(async () => {
  await (await started)?.close();
  started = undefined;
});

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

/** A page of its own profile on the gateway's chat page. Playwright gives each a new user data folder. */
export async function openChat(url: string, options: OpenOptions = {}): Promise<OpenPage> {
  const { path = "/chat", expected, ...contextOptions } = options;
  started ??= chromium.launch({ executablePath: executablePath ?? "", headless: true, args: flags });
  const browser = await started;
  const context = await browser.newContext({ viewport: { width: 1200, height: 760 }, ...contextOptions });
  const page = await context.newPage();
  page.setDefaultTimeout(8000);
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
  await page.locator(".composer, .key-form").first().waitFor();
  return { page, complaints, [Symbol.asyncDispose]: () => context.close() };
}

/** Writes a message and sends it by Enter. */
export async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.keyboard.press("Enter");
}

/** Resolves when the last answer has ended, whichever way. */
export async function answered(page: Page): Promise<void> {
  await page.locator(".answer[aria-busy=false]").last().waitFor();
  await page.getByRole("button", { name: "Send (Enter)" }).waitFor();
}

/** What stands in an element, without the line ends around it. */
export async function textOf(locator: Locator): Promise<string> {
  return ((await locator.textContent()) ?? "").trim();
}
