// `bun test/page/take-status-pictures.ts [folder]`: the picture of docs/status-page.md, taken anew; with a folder, all that there
// is to look at after a change.

import { join } from "node:path";
import { type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { startStage } from "../e2e/stage.ts";
import { chromiumFlags, findChromium } from "./find-chromium.ts";
import { busyFacts, pretend } from "./status-facts.ts";

const [folder] = process.argv.slice(2);
const images = join(import.meta.dir, "..", "..", "docs", "images");
const wide = { width: 1180, height: 1330 };
const phone = { width: 360, height: 740 };

await using open = await startStage();
await using locked = await startStage({ environment: { API_KEY: "key-of-a-client", ADMIN_KEY: "key-of-admin" } });
const browser = await chromium.launch({ executablePath: findChromium() ?? "", headless: true, args: chromiumFlags });

if (folder === undefined) {
  // As wide as a page of documentation, so that it is small.
  await picture(join(images, "status-page.png"), { viewport: wide, deviceScaleFactor: 0.75 }, busy);
} else {
  const named = (name: string) => join(folder, `${name}.png`);
  await picture(named("status"), { viewport: wide }, busy);
  await picture(named("status-dark"), { viewport: wide, colorScheme: "dark" }, busy);
  await picture(named("status-phone"), { viewport: phone }, busy);
  await picture(named("status-phone-dark"), { viewport: phone, colorScheme: "dark" }, busy);
  await picture(named("status-table"), { viewport: wide }, async (page) => {
    await busy(page);
    await page.getByText("The same as a table").click();
    await page.getByRole("button", { name: "End the stream of qwen3-coder-plus" }).click();
  });
  await picture(named("status-pointer"), { viewport: wide }, async (page) => {
    await busy(page);
    await page.locator(".u-over").nth(1).hover();
  });
  await picture(named("status-idle"), { viewport: wide }, async (page) => {
    await page.goto(open.gateway.url);
    await page.locator(".plot canvas").first().waitFor();
  });
  await picture(named("status-key"), { viewport: wide }, async (page) => {
    await page.goto(locked.gateway.url);
    await page.getByLabel(/admin key/).fill("wrong");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
  });
  await picture(named("status-lost"), { viewport: wide }, async (page) => {
    await busy(page);
    await page.unroute(/\/admin\/api\/(\w+)/);
    await page.route(/\/(?:admin|health)/, (route) => route.abort());
    await page.getByText("What stands here is old").waitFor();
  });
}
await browser.close();

async function busy(page: Page): Promise<void> {
  await pretend(page, busyFacts(Date.now()));
  await page.goto(open.gateway.url);
  await page.locator(".plot canvas").nth(2).waitFor();
  await page.getByText("No key is needed").waitFor();
}

async function picture(
  path: string,
  options: BrowserContextOptions,
  act: (page: Page) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext({ ...options, reducedMotion: "reduce" });
  const page = await context.newPage();
  await act(page);
  // What follows is drawn.
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  await page.screenshot({ path, fullPage: true });
  await context.close();
}
