// A forwarded answer that is given up while its beginning is looked at.

import { expect, test } from "bun:test";
import type { ByteSink } from "../../../../../src/contract/byte-source.ts";
import { judgeAnswer } from "../../../../../src/upstreams/openai-compatible/forward/forwarded-answer.ts";

const source = { upstream: "vllm", displayName: "vLLM", rows: [] };

test.each(["text/html", "text/event-stream", "application/json"])(
  "judgeAnswer gives up a silent answer of %s with the reason that it was given up for",
  async (contentType) => {
    const leaving = new AbortController();
    let sink: ByteSink | undefined;
    const body = {
      start(reader: ByteSink) {
        sink = reader;
      },
      pause() {},
      resume() {},
      cancel() {},
    };
    const headers = new Headers({ "content-type": contentType });
    const facts = { status: 200, contentType, retryAfterMs: undefined };
    const judged = judgeAnswer({ status: 200, headers, body }, facts, source, leaving.signal);

    leaving.abort(new Error("nothing for 90 s"));
    sink?.fail(new Error("socket closed"));

    await expect(judged).rejects.toThrow("nothing for 90 s");
  },
);
