// The client library in a real browser without a window: it POSTs, reads as the answer comes, comes back after a drop, stops.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { path as chatPath, type Drop, startChatServer } from "../unit/client/chat-server.ts";

const browser = ["chromium", "chromium-browser", "google-chrome"]
  .map((name) => Bun.which(name))
  .find((path) => path !== null);
const profile = mkdtempSync(join(tmpdir(), "browser-"));
afterAll(() => rmSync(profile, { recursive: true, force: true }));

/** Runs a module with the library in a page of the server's own origin; what it reports. */
async function runInPage(body: string, events: readonly unknown[], drops: readonly Drop[] = []) {
  const script = await bundle(body);
  const reported = Promise.withResolvers<unknown>();
  const page = (path: string, text: string) => {
    if (path === "/")
      return { type: "text/html", text: '<!doctype html><script type="module" src="/page.js"></script>' };
    if (path === "/page.js") return { type: "text/javascript", text: script };
    if (path !== "/report") return path.startsWith(chatPath) ? undefined : { type: "text/plain", text: "" };
    reported.resolve(JSON.parse(text));
    return { type: "text/plain", text: "" };
  };
  await using server = await startChatServer(events, drops, { page });
  const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", `--user-data-dir=${profile}`];
  const child = Bun.spawn([browser ?? "", ...flags, new URL(server.url).origin], {
    stdio: ["ignore", "ignore", "ignore"],
  });
  try {
    return { report: await reported.promise, requests: server.requests };
  } finally {
    child.kill("SIGKILL");
    await child.exited;
  }
}

async function bundle(body: string): Promise<string> {
  const entry = join(import.meta.dir, "page-of-the-test.ts");
  const source = `import * as client from "../../src/client/client.ts";
const report = (value) => fetch("/report", { method: "POST", body: JSON.stringify(value) });
const url = ${JSON.stringify(chatPath)};
${body}`;
  const { outputs } = await Bun.build({
    entrypoints: [entry],
    files: { [entry]: source },
    target: "browser",
    minify: true,
  });
  return (await outputs[0]?.text()) ?? "";
}

const events = [{ metadata: { stream_id: "stream-1" } }, { stage: "generation" }, { token: "Grüße " }, { token: "👋🏽" }];

// The condition stands inside: a test that is passed over would prove nothing where there is a browser.
function tryInBrowser(work: () => Promise<void>): () => Promise<void> {
  return browser === undefined
    ? async () => console.warn("Not tried in a browser: there is none on this machine")
    : work;
}

describe("in a browser", () => {
  test(
    "streamSSE reads a stream to its end, by fetch and POST [R3-029] [R3-085]",
    tryInBrowser(async () => {
      const { report, requests } = await runInPage(
        `const heard = [];
         const hear = (name) => (value) => heard.push([name, value]);
         await client.streamSSE(url, { message: "Hello" }, {
           onStage: hear("stage"), onToken: hear("token"), onComplete: hear("complete"), onError: hear("error"),
         });
         await report(heard);`,
        events,
      );

      expect(report).toEqual([
        ["stage", "generation"],
        ["token", "Grüße "],
        ["token", "👋🏽"],
        ["complete", null],
      ]);
      expect(requests).toEqual([{ method: "POST", lastEventId: null, body: { message: "Hello" } }]);
    }),
  );

  test(
    "streamSSE comes back when the connection breaks, and repeats nothing [R3-070] [R3-077]",
    tryInBrowser(async () => {
      const { report, requests } = await runInPage(
        `const tokens = [];
         const options = { resume: true, retryDelay: 10, log() {} };
         await client.streamSSE(url, {}, { onToken: (token) => tokens.push(token) }, undefined, options);
         await report(tokens);`,
        events,
        [{ afterEvents: 3, strayBytes: 12 }],
      );

      expect(report).toEqual(["Grüße ", "👋🏽"]);
      expect(requests.map(({ method }) => method)).toEqual(["POST", "GET"]);
    }),
  );

  test(
    "errors keep their codes: a refusal, no connection, a stop [R3-066]",
    tryInBrowser(async () => {
      const { report } = await runInPage(
        `const codeOf = (stream) => stream.then(() => "none", (error) => [error.code, error.message]);
         const stop = new AbortController();
         await report([
           await codeOf(client.connectSSE(url + "/elsewhere", {}, {})),
           await codeOf(client.connectSSE("http://127.0.0.1:9/", {}, {})),
           await codeOf(client.connectSSE(url, {}, { onToken: () => stop.abort() }, stop.signal)),
         ]);`,
        events,
      );

      expect(report).toEqual([
        ["http", "No such stream"],
        ["network", "Network error. Please check your connection."],
        ["aborted", "The stream was aborted."],
      ]);
    }),
  );
});
