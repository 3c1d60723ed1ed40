import { expect, test } from "bun:test";
import { createLines } from "../../../src/workers/lines.ts";

/** Whose turn it is in which line, as they come. */
function follow() {
  const lines = createLines<string>();
  const turns: string[] = [];
  return {
    lines,
    turns,
    enter(key: string, member: string): void {
      void lines.enter(key, member).then(() => turns.push(`${key} ${member}`));
    },
  };
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

test("lines let one in at a time, in the order in which they came; each line for itself", async () => {
  const { lines, turns, enter } = follow();
  for (const member of ["1", "2", "3"]) enter("a", member);
  enter("b", "2");
  await settled();
  expect(turns).toEqual(["a 1", "b 2"]);
  lines.leave("a", "1");
  await settled();
  lines.leave("a", "2");
  await settled();

  expect(turns).toEqual(["a 1", "b 2", "a 2", "a 3"]);
});

test("lines let nobody in twice when somebody gives up his place", async () => {
  const { lines, turns, enter } = follow();
  for (const member of ["1", "2", "3"]) enter("a", member);
  lines.leave("a", "2");
  lines.leave("a", "nobody");
  lines.leave("none", "1");
  await settled();
  // Whoever gave it up waits no more, and the first one still has his turn.
  expect(turns).toEqual(["a 1", "a 2"]);
  lines.leave("a", "1");
  await settled();

  expect(turns).toEqual(["a 1", "a 2", "a 3"]);
});

test("lines go on when a member is gone, and are forgotten when they are empty", async () => {
  const { lines, turns, enter } = follow();
  enter("a", "1");
  enter("a", "2");
  enter("b", "1");
  lines.drop("1");
  lines.leave("a", "2");
  enter("a", "3");
  await settled();

  expect(turns).toEqual(["a 1", "b 1", "a 2", "a 3"]);
});
