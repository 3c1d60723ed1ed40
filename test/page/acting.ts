// What a person does on the page, for tests and pictures.

import type { Locator, Page } from "playwright-core";

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
