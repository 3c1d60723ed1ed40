// A pipeline by itself: what steps say is noted and handed on, in order, and only while somebody wants it.

import { describe, expect, test } from "bun:test";
import { emptyState, runPipeline } from "../../../src/pipeline/run-pipeline.ts";
import { defineNode, definePipeline, type Step, type StepContext } from "../../../src/pipeline/step.ts";

function spying(look: (context: StepContext) => unknown): Step {
  return defineNode("spy", async (context) => {
    await look(context);
    return {};
  });
}

describe("runPipeline", () => {
  test("gives the steps a context that is whole: what is not given is empty", async () => {
    let seen: StepContext | undefined;
    const pipeline = definePipeline([
      spying((context) => {
        seen = context;
      }),
    ]);
    await Array.fromAsync(runPipeline(pipeline, { message: "Hi" }));

    expect(seen).toMatchObject({
      message: "Hi",
      content: [{ type: "text", text: "Hi" }],
      history: [],
      model: undefined,
      options: {},
      state: emptyState("Hi"),
    });
    expect(await seen?.searchDocuments("x", 5)).toEqual([]);
  });

  test("takes what it is given", async () => {
    let found: unknown;
    const hit = { chunk_id: "1", document_name: "d", text: "t", score: 1 };
    const pipeline = definePipeline([
      spying(async (context) => {
        found = [context.caller, await context.searchDocuments("q", 1), await context.ask({} as never)];
      }),
    ]);
    await Array.fromAsync(
      runPipeline(pipeline, {
        message: "x",
        caller: "c",
        searchDocuments: async () => [hit],
        ask: async () => "asked",
      }),
    );

    expect(found).toEqual(["c", [hit], "asked"]);
  });

  test("says plainly that there is no model where there is no gateway", async () => {
    const asking = definePipeline([spying(async (context) => await context.ask({} as never))]);
    const generating = definePipeline([spying((context) => context.generate([]))]);

    await expect(Array.fromAsync(runPipeline(asking, { message: "x" }))).rejects.toThrow("without a gateway");
    await expect(Array.fromAsync(runPipeline(generating, { message: "x" }))).rejects.toThrow("without a gateway");
  });

  test("notes tokens, thoughts and sources for the steps behind", async () => {
    const source = { chunk_id: "1", document_name: "d", text: "t", score: 1 };
    let state: unknown;
    const telling: Step = {
      name: "telling",
      async *run() {
        yield { reasoning: "hm" };
        yield { reasoning: "m" };
        yield { sources: [source] };
        yield { token: "a" };
        yield { token: "b" };
      },
    };
    const pipeline = definePipeline([
      telling,
      spying((context) => {
        state = { ...context.state };
      }),
    ]);

    await Array.fromAsync(runPipeline(pipeline, { message: "x" }));

    expect(state).toMatchObject({ answer: "ab", reasoning: "hmm", sources: [source] });
  });

  test("does not run the steps behind one that failed", async () => {
    const ran: string[] = [];
    const failing = defineNode("failing", () => {
      throw new Error("no");
    });
    const pipeline = definePipeline([failing, spying(() => ran.push("behind"))]);

    await expect(Array.fromAsync(runPipeline(pipeline, { message: "x" }))).rejects.toThrow("no");
    expect(ran).toEqual([]);
  });

  test("stops between two steps when its signal is aborted", async () => {
    const stopping = new AbortController();
    const ran: string[] = [];
    const first = defineNode("first", () => {
      stopping.abort(new Error("enough"));
      return { answer: "a" };
    });
    const pipeline = definePipeline([first, spying(() => ran.push("behind"))]);

    await expect(Array.fromAsync(runPipeline(pipeline, { message: "x", signal: stopping.signal }))).rejects.toThrow(
      "enough",
    );
    expect(ran).toEqual([]);
  });

  test("does not begin when its signal is aborted already", async () => {
    const ran: string[] = [];
    const pipeline = definePipeline([spying(() => ran.push("a"))]);

    await expect(
      Array.fromAsync(runPipeline(pipeline, { message: "x", signal: AbortSignal.abort(new Error("enough")) })),
    ).rejects.toThrow("enough");
    expect(ran).toEqual([]);
  });

  test("ends the running step when its reader leaves", async () => {
    const ended: string[] = [];
    const step: Step = {
      name: "endless",
      async *run() {
        try {
          for (;;) yield { token: "a" };
        } finally {
          ended.push("endless");
        }
      },
    };

    for await (const _ of runPipeline(definePipeline([step]), { message: "x" })) break;

    expect(ended).toEqual(["endless"]);
  });

  test("runs steps only as far as they are read", async () => {
    const told: number[] = [];
    const step: Step = {
      name: "counting",
      async *run() {
        for (let count = 0; ; count++) {
          told.push(count);
          yield { token: `${count}` };
        }
      },
    };
    const events = runPipeline(definePipeline([step]), { message: "x" });

    await events.next();
    await events.next();

    expect(told).toEqual([0, 1]);
    await events.return();
  });
});
