// The status page's entry: puts its parts together, and asks only while somebody looks.

import { h, render } from "preact";
import { onFrame } from "../on-frame.ts";
import { createStore } from "../store.ts";
import { createStatusApi } from "./api.ts";
import { createKeptKey } from "./kept-key.ts";
import { saveText } from "./save-text.ts";
import { initialState } from "./state.ts";
import { StatusPage } from "./views/status-page.tsx";
import { createWatch } from "./watch.ts";

const api = createStatusApi();
const key = createKeptKey();
const store = createStore(initialState, onFrame);
const watch = createWatch({
  api,
  store,
  key,
  nowMs: () => Date.now(),
  schedule(task, delayMs) {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
});
const root = document.getElementById("page");

function draw(): void {
  if (root === null) throw new Error("Cannot draw the page: the shell has no place for it");
  const page = h(StatusPage, {
    state: store.get(),
    hasKey: key.read() !== undefined,
    onKey: watch.useKey,
    onForgetKey: watch.forgetKey,
    onEnd: (id) => void watch.endStream(id),
    onSaveDocument: () => void saveDocument(),
  });
  render(page, root);
}

async function saveDocument(): Promise<void> {
  const text = await api.readDocument(key.read()).catch(() => undefined);
  // Whether the gateway answers is said elsewhere.
  if (text !== undefined) saveText("openapi.json", text, "application/json");
}

function follow(): void {
  if (document.visibilityState === "visible") watch.begin();
  else watch.rest();
}

store.subscribe(draw);
draw();
document.addEventListener("visibilitychange", follow);
follow();
