import { expect, test } from "bun:test";
import { answerLogStream } from "../../../src/admin/log-stream.ts";

function createFeed() {
  const listeners = new Set<(line: string) => void>();
  return {
    listeners,
    log(line: string) {
      for (const listener of [...listeners]) listener(line);
    },
    subscribe(listener: (line: string) => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function readerOf(response: Response) {
  const body = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (body === undefined) throw new Error("The log stream has no body");
  return {
    /** Reads until the text holds `end`. */
    async until(end: string): Promise<string> {
      let text = "";
      while (!text.includes(end)) {
        const { done, value } = await body.read();
        if (done) return text;
        text += value;
      }
      return text;
    },
    cancel: () => body.cancel(),
  };
}

test("answerLogStream sends each line as one event, and nothing that the line holds can end it", async () => {
  const feed = createFeed();
  const response = answerLogStream(feed, new AbortController().signal);
  expect(response.headers.get("content-type")).toStartWith("text/event-stream");
  const reader = readerOf(response);
  feed.log('{"message":"id: 1"}');
  feed.log("stack\n  at first\r\n\nevent: forged");
  expect(await reader.until("forged")).toBe(
    ': log\n\ndata: {"message":"id: 1"}\n\ndata: stack\ndata:   at first\ndata: \ndata: event: forged\n\n',
  );
  await reader.cancel();
});

test("answerLogStream ends with its signal and listens no longer", async () => {
  const feed = createFeed();
  const stopping = new AbortController();
  const reader = readerOf(answerLogStream(feed, stopping.signal));
  feed.log("last");
  stopping.abort();
  expect(feed.listeners.size).toBe(0);
  expect(await reader.until("never")).toBe(": log\n\ndata: last\n\n");
});

test("answerLogStream that nobody may follow any more is empty and listens to nothing", async () => {
  const feed = createFeed();
  const response = answerLogStream(feed, AbortSignal.abort());
  expect(feed.listeners.size).toBe(0);
  expect(await response.text()).toBe(": log\n\n");
});

test("answerLogStream leaves with the lines that find its reader gone although no signal said so", async () => {
  const feed = createFeed();
  const reader = readerOf(answerLogStream(feed, new AbortController().signal));
  await reader.until("log");
  await reader.cancel();
  feed.log("noticed by the pipe");
  await new Promise(setImmediate);
  feed.log("to nobody");
  expect(feed.listeners.size).toBe(0);
});

test("answerLogStream drops lines for a reader who does not read, and says how many", async () => {
  const feed = createFeed();
  const stopping = new AbortController();
  const response = answerLogStream(feed, stopping.signal);
  for (let line = 0; line < 5000; line += 1) feed.log(`line ${line}`);
  const reader = readerOf(response);
  const kept = await reader.until("line 900\n");
  expect(kept).not.toContain("dropped");
  for (let line = 0; line < 10; line += 1) feed.log("after");
  const rest = await reader.until("data: after");
  const dropped = Number(/: (\d+) lines dropped/.exec(rest)?.[1]);
  expect(dropped).toBeGreaterThanOrEqual(3900);
  expect(dropped).toBeLessThanOrEqual(4100);
  stopping.abort();
});

test("answerLogStream survives readers who hang up, and unsubscribes them", async () => {
  const news: Record<string, unknown>[] = [];
  let heard = Promise.withResolvers<void>();
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/log-server.ts`], {
    stdio: ["ignore", "ignore", "pipe"],
    ipc(message: Record<string, unknown>) {
      news.push(message);
      heard.resolve();
    },
  });
  async function hear(name: string, value?: unknown): Promise<unknown> {
    for (;;) {
      const index = news.findIndex((item) => name in item && (value === undefined || item[name] === value));
      if (index >= 0) return news.splice(0, index + 1).at(-1)?.[name];
      heard = Promise.withResolvers();
      await Promise.race([heard.promise, child.exited.then((code) => Promise.reject(new Error(`Exited: ${code}`)))]);
    }
  }
  try {
    const url = `http://127.0.0.1:${await hear("port")}/log`;
    for (const line of ["first", "second", "third"]) {
      const client = new AbortController();
      const reader = readerOf(await fetch(url, { signal: client.signal }));
      await hear("readers", 1);
      child.send(line);
      expect(await reader.until(line)).toContain(`data: ${line}\n\n`);
      client.abort();
      await hear("readers", 0);
      child.send("to nobody");
      await hear("logged", "to nobody");
    }
    expect(child.exitCode).toBeNull();
  } finally {
    child.kill();
  }
  expect(await new Response(child.stderr).text()).toBe("");
});
