// The chat page's entry: puts its parts together and draws them.

import { h, render } from "preact";
import { createChat } from "./chat.ts";
import { createApi } from "./gateway/api.ts";
import { importFile } from "./gateway/import-file.ts";
import { readAnswer, stopAnswer } from "./gateway/read-answer.ts";
import { createMemory } from "./memory.ts";
import { onFrame } from "./on-frame.ts";
import { Page } from "./views/page.tsx";

const memory = createMemory();
const chat = createChat({
  api: createApi(memory.readKey),
  readAnswer,
  stopAnswer,
  importFile,
  memory,
  schedule: onFrame,
  // `randomUUID` is missing where a page is neither local nor encrypted.
  createId: () => crypto.getRandomValues(new BigUint64Array(2)).join("-"),
  nowMs: () => Date.now(),
  onShow: showInAddress,
});

/** The session stands behind the `#`: a reload finds it, a bookmark too, and it is never sent to a server. */
function sessionInAddress(): string | undefined {
  try {
    return decodeURIComponent(location.hash.slice(1)) || undefined;
  } catch {
    // Not one of ours.
    return undefined;
  }
}

function showInAddress(sessionId: string | undefined): void {
  if (sessionInAddress() === sessionId) return;
  history.pushState(null, "", sessionId === undefined ? location.pathname : `#${encodeURIComponent(sessionId)}`);
}

function followAddress(): void {
  const sessionId = sessionInAddress();
  if (sessionId === undefined) chat.showNew();
  else void chat.show(sessionId);
}

const root = document.getElementById("page");
if (root === null) throw new Error("Cannot draw the page: the shell has no place for it");

const draw = () => render(h(Page, { chat, memory, state: chat.store.get() }), root);
chat.store.subscribe(draw);
draw();
addEventListener("popstate", followAddress);
addEventListener("online", chat.resumeLost);
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && chat.refresh());
performance.mark("chat-interactive");
void chat.start(sessionInAddress());
