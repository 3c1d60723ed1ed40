// Runs of the agent as the fake gateway tells them, and what a person does on the agent's tab.

import axe from "axe-core";
import type { Page } from "playwright-core";
import type { AgentStep } from "./fake-agent.ts";

/** Of the tab. */
export const agentPath = "/chat#/agent";

const result = { service: "calendar", command: "create_event", success: true, durationMs: 12 };
export const lunch = { title: "Lunch <b>", start: "2026-12-01T12:00" };

export const begun: readonly AgentStep[] = [
  { progress: "analyzing", message: "Analyzing your request..." },
  { progress: "discovering", message: "Found 1 service with 3 commands" },
  { progress: "selecting", message: "Selecting commands..." },
];
export const whole: readonly AgentStep[] = [
  ...begun,
  { gate: "selected" },
  { progress: "executing", message: "Executing: create_event (1/1)" },
  { gate: "executed" },
  { progress: "completed", message: "Completed: 1 command" },
  {
    done: {
      answer: "**Lunch** is in your calendar.\n\n| Day | Time |\n|---|---|\n| 1 | 12 |",
      results: [{ ...result, arguments: lunch, result: "Created e1" }],
    },
  },
];
export const failing: readonly AgentStep[] = [
  ...begun,
  { error: "timeout", message: "The run was stopped: it took longer than 60 s" },
  { done: { success: false, results: [{ ...result, success: false, error: "Stopped before it ended" }] } },
];

export const pendingOf = (fields: object = {}): readonly AgentStep[] => [
  ...begun,
  {
    done: {
      answer: "Waits for your confirmation: delete_event.",
      pending: {
        confirmation_id: "question-1",
        risk: "destructive",
        expires_at: Date.now() + 3 * 3_600_000 + 30_000,
        commands: [{ service: "calendar", command: "delete_event", arguments: { id: "e1" } }],
        ...fields,
      },
    },
  },
];

export const goneOn: readonly AgentStep[] = [
  { progress: "analyzing", message: "Going on with your confirmation..." },
  { progress: "executing", message: "Executing: delete_event (1/1)" },
  { done: { answer: "It is deleted.", results: [{ ...result, command: "delete_event", arguments: { id: "e2" } }] } },
];

export async function order(page: Page, command: string): Promise<void> {
  await page.getByLabel("Command", { exact: true }).fill(command);
  await page.keyboard.press("Enter");
}

export const lastRun = (page: Page) => page.locator(".run").last();
export const ended = (page: Page) => page.locator(".run[aria-busy=false]").last().waitFor();

export async function breaches(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof import("axe-core") }).axe.run();
    return violations.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html}`));
  });
}

export const overflow = (page: Page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
