// `bun test/page/take-pictures.ts`: the pictures of docs/chat-page.md, taken anew over the fake gateway.

import { join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { answered, say } from "./acting.ts";
import { type AgentStep, calendar } from "./fake-agent.ts";
import { type FakeGateway, startFakeGateway } from "./fake-gateway.ts";
import type { Step } from "./fake-streams.ts";
import { chromiumFlags, findChromium } from "./find-chromium.ts";

const folder = join(import.meta.dir, "..", "..", "docs", "images");

const sources = [
  {
    chunk_id: "c1",
    document_id: "d1",
    document_name: "Lease contract 2024.pdf",
    text: "§ 14 Notice. Either party may end this agreement with three months' notice to the end of a calendar quarter. Notice must be given in writing and has to arrive on the third working day of the first month at the latest.\n\nA letter that arrives later counts for the next quarter.",
    score: 0.91,
  },
  {
    chunk_id: "c2",
    document_id: "d2",
    document_name: "House rules.md",
    text: "Keys are to be handed over on the last day, with all copies.",
    score: 0.62,
  },
  {
    chunk_id: "web-1",
    document_name: "Notice periods explained",
    text: "Three months to the end of a quarter are usual for business premises.",
    score: 1,
    url: "https://law.example.org/notice-periods",
  },
];

const opening = `The contract asks for **three months' notice** to the end of a quarter, *in writing*:

| Letter arrives by | Contract ends on |
| --- | --- |
| 3 January | 31 March |
| 3 April | 30 June |

`;

const answer: readonly Step[] = [
  { stage: "query_analysis" },
  { stage: "retrieval" },
  { sources },
  { stage: "generation" },
  { reasoning: "Section 14 has the clause. The date that counts is the one on which the letter arrives." },
  { token: opening },
  { gate: "half" },
  {
    token:
      "To find the day in a program:\n\n```ts\n/** Last day on which the letter may arrive. */\nfunction latestArrival(quarter: Quarter): Date {\n  return thirdWorkingDay(quarter.year, quarter.firstMonth);\n}\n```\n\nA letter that arrives later counts for the next quarter.",
  },
  { stage: "quality" },
  { quality_score: 0.86 },
  { stage: "follow_ups" },
  { follow_up_questions: ["What if the third day is a Saturday?", "Does an e-mail count as writing?"] },
];

const john = { with: "john@example.com", title: "Meeting with John", start: "2026-11-28T14:00", minutes: 60 };
const meeting: readonly AgentStep[] = [
  { progress: "analyzing", message: "Analyzing your request..." },
  { progress: "discovering", message: "Found 2 services with 5 commands" },
  { progress: "selecting", message: "Selecting commands..." },
  { progress: "executing", message: "Executing: list_events (1/1)" },
  { progress: "executing", message: "Executing: create_event (2/2)" },
  { progress: "completed", message: "Completed: 2 commands" },
  {
    done: {
      totalExecutionTime: 97,
      answer: "The **meeting with John** is in your calendar, tomorrow from 2 to 3 PM. Nothing else is at that time.",
      results: [
        {
          service: "calendar",
          command: "list_events",
          success: true,
          durationMs: 31,
          arguments: { day: "2026-11-28" },
          result: [],
        },
        {
          service: "calendar",
          command: "create_event",
          success: true,
          durationMs: 48,
          arguments: john,
          result: "Created event e-17",
        },
      ],
    },
  },
];
const deletion: readonly AgentStep[] = [
  ...meeting.slice(0, 4),
  {
    done: {
      results: [{ service: "calendar", command: "list_events", success: true, durationMs: 31, result: ["e-12"] }],
      pending: {
        confirmation_id: "q",
        risk: "destructive",
        expires_at: Date.now() + 86_390_000,
        commands: [
          { service: "calendar", command: "delete_event", arguments: { id: "e-12", title: "Lunch with Ann" } },
        ],
      },
    },
  },
];
const mail = {
  name: "mail",
  state: "failed",
  error: "Cannot reach the server: connection refused",
  commands: [],
};

function startGateway(options: { readonly key?: string } = {}): FakeGateway {
  const gateway = startFakeGateway(options);
  gateway.script = ({ message }) => {
    if (message === "Does an e-mail count as writing?") {
      return [
        { stage: "generation" },
        { token: "No. " },
        { error: "The account is at its limit. Try again in 12 minutes, or choose another upstream." },
      ];
    }
    return message === "And in one sentence?"
      ? [
          { stage: "generation" },
          { token: "Three months to the end of a quarter, in writing." },
          { quality_score: 0.7 },
        ]
      : answer;
  };
  gateway.agent.services = [calendar, mail];
  gateway.agent.script = ({ query }) => (query === "Delete the lunch with Ann" ? deletion : meeting);
  for (const title of ["Retry policy of the queue", "Translate the release notes", "Names for a lighthouse"]) {
    gateway.addSession(title, []);
  }
  addDocuments(gateway);
  return gateway;
}

function addDocuments(gateway: FakeGateway): void {
  const dayMs = 86_400_000;
  const at = Date.UTC(2026, 10, 3);
  gateway.addDocument("House rules.md", "Quiet hours begin at ten. Keys are handed over on the last day.", {
    type: "text/markdown",
    bytes: 4210,
    chunks: 6,
    created_at: at - 30 * dayMs,
  });
  gateway.addDocument("Lease contract 2024.pdf", "§ 14 Notice", {
    type: "application/pdf",
    bytes: 1_480_000,
    chunks: 214,
    created_at: at,
  });
  gateway.importScript = (name) =>
    name.startsWith("Minutes")
      ? [{ stage: "reading" }, { stage: "chunking" }, { stage: "indexing" }, { progress: 0.42 }, { gate: "never" }]
      : [];
}

/** The panel with what is kept, what is on its way, and what was not taken. */
async function bringDocuments(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Options" }).click();
  await page.getByLabel("Documents to search").selectOption("chosen");
  await page.getByLabel("Search Lease contract 2024.pdf").check();
  await page.locator(".documents-panel input[type=file]").setInputFiles([
    { name: "bad photo of a page.jpg", mimeType: "image/jpeg", buffer: Buffer.from("?") },
    { name: "Minutes of the meeting.html", mimeType: "text/html", buffer: Buffer.from("Minutes") },
    { name: "Offer.pdf", mimeType: "application/pdf", buffer: Buffer.from("Offer") },
  ]);
  await page.getByText("Making it searchable, 42 %").waitFor();
  await page.getByLabel("Message", { exact: true }).focus();
}

const question = "How long is the notice in my contract?";
const browser = await chromium.launch({ executablePath: findChromium() ?? "", headless: true, args: chromiumFlags });

await picture("chat-underway", { width: 1120, height: 700 }, {}, async (page) => {
  await say(page, question);
  await page.locator(".prose table").waitFor();
});
await picture("chat-answer", { width: 1120, height: 860 }, {}, async (page, gateway) => {
  gateway.openGate("half");
  await say(page, question);
  await answered(page);
  await page.locator(".hljs-keyword").first().waitFor();
});
await picture("chat-dark-tree", { width: 1120, height: 700 }, { colorScheme: "dark" }, async (page, gateway) => {
  gateway.openGate("half");
  await say(page, question);
  await answered(page);
  await say(page, "And in one sentence?");
  await answered(page);
  await page
    .getByRole("button", { name: /^Edit the message/ })
    .last()
    .click();
  await page.getByLabel("New wording").fill("Does an e-mail count as writing?");
  await page.keyboard.press("Enter");
  await answered(page);
  await page.getByRole("button", { name: "Tree of the conversation" }).click();
});
await picture("chat-source", { width: 1120, height: 700 }, {}, async (page, gateway) => {
  gateway.openGate("half");
  await say(page, question);
  await answered(page);
  await page.locator(".source").first().click();
});
await picture("chat-documents", { width: 1120, height: 700 }, {}, async (page, gateway) => {
  gateway.openGate("half");
  await say(page, question);
  await answered(page);
  await bringDocuments(page);
});
await picture("chat-phone-options", { width: 360, height: 720 }, { colorScheme: "dark" }, async (page, gateway) => {
  gateway.openGate("half");
  await say(page, question);
  await answered(page);
  await page.getByRole("button", { name: "Options" }).click();
  await page.getByLabel("Web search").selectOption("on");
});
await picture("chat-phone", { width: 360, height: 720 }, {}, async (page, gateway) => {
  gateway.openGate("half");
  await say(page, question);
  await answered(page);
});
await picture("chat-phone-lost", { width: 360, height: 720 }, { colorScheme: "dark" }, async (page, gateway) => {
  await say(page, question);
  await page.locator(".prose table").waitFor();
  await page.context().setOffline(true);
  gateway.dropReaders();
  await page.getByText("The connection was lost").waitFor();
});
await picture("chat-key", { width: 360, height: 720 }, {}, async (page) => page.locator(".key-form").waitFor(), "key");
await picture("agent-run", { width: 1120, height: 760 }, {}, async (page) => {
  await order(page, "Schedule a meeting with John tomorrow at 2 PM");
  await page.locator(".run .prose").waitFor();
  await page.locator(".call summary").last().click();
  await page.locator(".service summary").first().click();
});
await picture("agent-confirm", { width: 1120, height: 700 }, { colorScheme: "dark" }, async (page) => {
  await order(page, "Delete the lunch with Ann");
  await page.locator(".asked").waitFor();
  await page.locator(".service summary").first().click();
});
await picture("agent-phone", { width: 360, height: 720 }, {}, async (page) => {
  await order(page, "Schedule a meeting with John tomorrow at 2 PM");
  await page.locator(".run .prose").waitFor();
});
await browser.close();
process.exit(0);

async function order(page: Page, command: string): Promise<void> {
  await page
    .getByRole("link", { name: "Agent", includeHidden: true })
    .evaluate((link) => (link as HTMLElement).click());
  await page.getByLabel("Command", { exact: true }).fill(command);
  await page.keyboard.press("Enter");
}

async function picture(
  name: string,
  viewport: { readonly width: number; readonly height: number },
  options: BrowserContextOptions,
  act: (page: Page, gateway: FakeGateway) => Promise<void>,
  key?: string,
): Promise<void> {
  using gateway = startGateway(key === undefined ? {} : { key });
  const page = await open(browser, gateway.url, { ...options, viewport, reducedMotion: "reduce" });
  await act(page, gateway);
  await page.mouse.move(0, 0);
  // What follows a click is drawn.
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  await page.screenshot({ path: join(folder, `${name}.png`) });
  await page.context().close();
}

async function open(browser: Browser, url: string, options: BrowserContextOptions): Promise<Page> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  await page.goto(`${url}/chat`);
  await page.locator(".composer, .key-form").first().waitFor();
  await page.locator(".choice, .key-form").first().waitFor();
  return page;
}
