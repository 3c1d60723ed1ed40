// One stream of the compiled executable, read by clients that have nothing in common: an event source as in browsers, bare
// parsers, the official packages of two languages, and curl. All see the same text. The `ai` package: test/clients.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { EventSource } from "eventsource";
import { createParser } from "eventsource-parser";
import { EventSourceParserStream } from "eventsource-parser/stream";
import { parseChatStream } from "../support/sse-frames.ts";
import { hardPieces, hardText } from "../support/hard-text.ts";
import { createClient, startStage, type Stage } from "./stage.ts";

// Far beyond what the tests need, for machines that are busy with something else.
setDefaultTimeout(30_000);

const body = { model: "qwen3-max", stream: true, messages: [{ role: "user" as const, content: "Say it" }] };

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage[Symbol.asyncDispose]());

/** The next answer comes slowly and in small pieces, with thoughts before it. */
const order = () =>
  stage.emulator.script({ reply: { thinking: "I think.", chunks: [...hardPieces], splitBytes: 7, paceMs: 1 } });

const post = () => stage.post("/v1/chat/completions", body);

function contentOf(data: string): string {
  // The shape is what is asserted.
  const { choices } = JSON.parse(data) as { choices: readonly { delta?: { content?: string | null } }[] };
  return choices[0]?.delta?.content ?? "";
}

/** Whether a command ends well. */
function runs(command: readonly string[]): boolean {
  try {
    return Bun.spawnSync([...command], { stdout: "ignore", stderr: "ignore" }).exitCode === 0;
  } catch {
    // No such program.
    return false;
  }
}

async function outputOf(command: readonly string[], environment: Record<string, string> = {}): Promise<string> {
  const child = Bun.spawn([...command], {
    stdout: "pipe",
    stderr: "pipe",
    timeout: 20_000,
    env: { PATH: process.env["PATH"] ?? "", ...environment },
  });
  const [output, errors, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (exitCode !== 0) throw new Error(`${command[0]} ended with ${exitCode}: ${errors}`);
  return output;
}

const python = `
import os, openai
client = openai.OpenAI(base_url=os.environ["BASE_URL"], api_key="none", max_retries=0)
stream = client.chat.completions.create(model="qwen3-max", stream=True, messages=[{"role": "user", "content": "Say it"}])
text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
import json
print(json.dumps(text))
`;
const hasPython = runs(["python3", "-c", "import openai"]);
const hasCurl = runs(["curl", "--version"]);

describe("the same text [R1-025]", () => {
  test("by an event source as in browsers", async () => {
    await order();
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    let text = "";
    const source = new EventSource(`${stage.gateway.url}/v1/chat/completions`, {
      // Browsers only know GET: everything else of it is theirs.
      fetch: (url, init) =>
        fetch(url, {
          ...init,
          method: "POST",
          headers: { ...init.headers, "content-type": "application/json" },
          body: JSON.stringify(body),
        }),
    });
    source.addEventListener("message", ({ data }) => {
      if (data === "[DONE]") resolve(text);
      else text += contentOf(data);
    });
    source.addEventListener("error", ({ message }) => reject(new Error(message)));
    const read = await promise.finally(() => source.close());

    expect(read).toBe(hardText);
  });

  test("by a parser that is fed chunks", async () => {
    await order();
    let text = "";
    let hasEnded = false;
    const parser = createParser({
      onEvent({ data }) {
        if (data === "[DONE]") hasEnded = true;
        else text += contentOf(data);
      },
      onError(error) {
        throw error;
      },
    });
    const decoder = new TextDecoder();
    for await (const chunk of (await post()).body!) parser.feed(decoder.decode(chunk, { stream: true }));

    expect(text).toBe(hardText);
    expect(hasEnded).toBe(true);
  });

  test("by a parser that is a web stream", async () => {
    await order();
    const events = (await post()).body!.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
    let text = "";
    for await (const { data } of events) if (data !== "[DONE]") text += contentOf(data);

    expect(text).toBe(hardText);
  });

  test("by the official package of Node", async () => {
    await order();
    const stream = await createClient(stage.gateway.url).chat.completions.create({ ...body, stream: true });
    let text = "";
    for await (const { choices } of stream) text += choices[0]?.delta.content ?? "";

    expect(text).toBe(hardText);
  });

  test.skipIf(!hasCurl)(`by curl -N${hasCurl ? "" : ": no curl is installed"}`, async () => {
    await order();
    const words = ["-sN", "--fail", "-H", "content-type: application/json", "-d", JSON.stringify(body)];
    const output = await outputOf(["curl", ...words, `${stage.gateway.url}/v1/chat/completions`]);

    expect(parseChatStream(output).text).toBe(hardText);
  });

  // No Debian package has it: where it is absent there is nothing to be installed, so that this is no skipped test.
  if (hasPython) {
    test("by the official package of Python", async () => {
      await order();
      const output = await outputOf(["python3", "-c", python], { BASE_URL: `${stage.gateway.url}/v1` });

      expect(JSON.parse(output)).toBe(hardText);
    });
  } else console.log("Not read by the official package of Python: python3 has no package openai");
});
