import { expect, test } from "bun:test";
import { type Answers, createLink, type Link, LinkError } from "../../../src/workers/link.ts";

interface AskedHere {
  double(number: number): number;
  fail(nothing: null): null;
}

interface AskedThere {
  hang(nothing: null): null;
}

const soon = 5000;

/** Two ends of one channel, over which everything crosses as JSON. */
function connect(answers: Partial<Answers<AskedHere>> = {}): {
  readonly here: Link<AskedHere>;
  readonly there: Link<AskedThere>;
} {
  const cross = (link: () => Link<never>) => (message: unknown) => {
    const text = JSON.stringify(message);
    queueMicrotask(() => link().receive(JSON.parse(text)));
  };
  const here: Link<AskedHere> = createLink<AskedHere, AskedThere>(
    cross(() => there),
    { hang: () => new Promise<null>(() => {}) },
  );
  const there: Link<AskedThere> = createLink<AskedThere, AskedHere>(
    cross(() => here),
    {
      double: (number) => 2 * number,
      fail: () => Promise.reject(new Error("it cannot")),
      ...answers,
    },
  );
  return { here, there };
}

test("link brings each answer to its question, however they cross", async () => {
  const asked: (() => void)[] = [];
  const { promise: allAsked, resolve } = Promise.withResolvers<void>();
  const { here } = connect({
    double: (number) =>
      new Promise((answer) => {
        asked.push(() => answer(2 * number));
        if (asked.length === 3) resolve();
      }),
  });
  const answers = Promise.all([0, 1, 2].map((number) => here.ask("double", number, soon)));
  await allAsked;
  for (const answer of asked.reverse()) answer();

  expect(await answers).toEqual([0, 2, 4]);
});

test("link says in the other side's words why there is no answer", async () => {
  const { here } = connect();

  await expect(here.ask("fail", null, soon)).rejects.toThrow(new LinkError("it cannot"));
  await expect(here.ask("none" as "fail", null, soon)).rejects.toThrow('nobody answers "none"');
  await expect(here.ask("constructor" as "fail", null, soon)).rejects.toThrow('nobody answers "constructor"');
});

test("link waits no longer than it was told, and takes no answer afterwards", async () => {
  const { there } = connect();

  await expect(there.ask("hang", null, 1)).rejects.toThrow('no answer to "hang" within 1 ms');
});

test("link that is closed answers what waits, and what is asked afterwards", async () => {
  const { there } = connect();
  const waiting = there.ask("hang", null, soon);
  there.close("it ended with exit code 3");

  await expect(waiting).rejects.toThrow("it ended with exit code 3");
  await expect(there.ask("hang", null, soon)).rejects.toThrow("it ended with exit code 3");
});

test("link whose channel cannot send says so", async () => {
  const link = createLink<AskedHere, AskedThere>(
    () => {
      throw new Error("broken pipe");
    },
    { hang: () => null },
  );

  await expect(link.ask("double", 1, soon)).rejects.toThrow("the channel is closed: Error: broken pipe");
  // Nobody is there to be told.
  link.receive({ ask: 1, kind: "hang", body: null });
});

test.each([[undefined], [null], ["text"], [{}], [{ answer: 99, body: 1 }], [{ refusal: 99, sentence: "x" }]])(
  "link passes over %p",
  async (message) => {
    const { here } = connect();
    here.receive(message);

    expect(await here.ask("double", 4, soon)).toBe(8);
  },
);
