// The page's entry: puts its parts together and draws the tab that the address names.

import { type ComponentChildren, h, render } from "preact";
import type { AgentTab } from "./agent-tab.ts";
import { createChat } from "./chat.ts";
import { currentOf } from "./chat-state.ts";
import { createApi } from "./gateway/api.ts";
import { importFile } from "./gateway/import-file.ts";
import { readAnswer, stopAnswer } from "./gateway/read-answer.ts";
import { createMemory } from "./memory.ts";
import { onFrame } from "./on-frame.ts";
import { chatHash, parsePlace, type Place } from "./place.ts";
import { Page } from "./views/page.tsx";

const memory = createMemory();
const common = {
  memory,
  schedule: onFrame,
  // `randomUUID` is missing where a page is neither local nor encrypted.
  createId: () => crypto.getRandomValues(new BigUint64Array(2)).join("-"),
  nowMs: () => Date.now(),
};
const chat = createChat({
  ...common,
  api: createApi(memory.readKey),
  readAnswer,
  stopAnswer,
  importFile,
  onShow: showInAddress,
});
let agentTab: AgentTab | undefined;
let place: Place = parsePlace(location.hash);

function showInAddress(sessionId: string | undefined): void {
  // A conversation that gets its name while the agent is looked at has it when one comes back.
  if (place.tab !== "chat" || place.sessionId === sessionId) return;
  place = { tab: "chat", sessionId };
  history.pushState(null, "", chatHash(sessionId) || location.pathname);
}

function followAddress(): void {
  const before = place;
  place = parsePlace(location.hash);
  draw();
  if (place.tab === "agent") return void openAgent();
  const current = currentOf(chat.store.get());
  if (place.sessionId !== undefined) void chat.show(place.sessionId);
  // One that has no name yet is what one left for the agent.
  else if (before.tab === "chat" || current.sessionId !== undefined) chat.showNew();
}

/** Loaded when it is first looked at: most pages are opened for the chat. */
async function openAgent(): Promise<void> {
  try {
    const { createAgentTab } = await import("./agent-tab.ts");
    if (agentTab === undefined) {
      agentTab = createAgentTab(common);
      const { agent } = agentTab;
      agent.store.subscribe(draw);
      addEventListener("beforeunload", agent.expectLeave);
      addEventListener("pagehide", agent.leave);
    }
  } catch {
    // Offline, or a new version has taken the file away.
    if (place.tab === "agent")
      drawNotice("The agent's tab cannot be loaded. Check that you are connected, then reload.");
    return;
  }
  draw();
  await agentTab.agent.list();
}

const root = document.getElementById("page");

function draw(): void {
  if (place.tab === "chat") show(h(Page, { chat, memory, state: chat.store.get() }));
  // Until it has been loaded, what stands there stays.
  else if (agentTab !== undefined) show(agentTab.view(chat));
}

function drawNotice(text: string): void {
  show(h("p", { class: "plain-notice", role: "alert" }, text));
}

function show(view: ComponentChildren): void {
  if (root === null) throw new Error("Cannot draw the page: the shell has no place for it");
  render(view, root);
}

chat.store.subscribe(draw);
draw();
addEventListener("popstate", followAddress);
addEventListener("online", chat.resumeLost);
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && chat.refresh());
performance.mark("chat-interactive");
void chat.start(place.tab === "chat" ? place.sessionId : undefined);
if (place.tab === "agent") void openAgent();
