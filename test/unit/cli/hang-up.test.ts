// SIGHUP: one reload after another, however many are asked for meanwhile, and a terminal that is gone.

import { expect, test } from "bun:test";
import { EventEmitter } from "node:events";
import { listenForHangUp } from "../../../src/cli/hang-up.ts";

const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

function listen(terminals: readonly boolean[]) {
  const source = new EventEmitter();
  const state = { begun: 0, left: 0, asked: 0 };
  let end: () => void = () => {};
  listenForHangUp(source, {
    reload: () => {
      state.begun++;
      return new Promise((resolve) => {
        end = resolve;
      });
    },
    leave: () => void state.left++,
    isTerminal: () => terminals[Math.min(state.asked++, terminals.length - 1)] ?? false,
  });
  const endReload = async (): Promise<void> => {
    end();
    await settled();
  };
  return { source, state, endReload };
}

test("listenForHangUp reloads once for all signals that come during a reload", async () => {
  const { source, state, endReload } = listen([false]);
  for (let count = 0; count < 4; count++) source.emit("SIGHUP");
  expect(state.begun).toBe(1);
  await endReload();
  expect(state.begun).toBe(2);
  await endReload();
  expect(state.begun).toBe(2);
  source.emit("SIGHUP");
  expect(state.begun).toBe(3);
});

test.each([
  { terminals: [true, true], begun: 1, left: 0, what: "reloads while the terminal is there" },
  { terminals: [true, false], begun: 0, left: 1, what: "leaves when the terminal is gone" },
  { terminals: [false, false], begun: 1, left: 0, what: "reloads where there never was one" },
])("listenForHangUp $what", ({ terminals, begun, left }) => {
  const { source, state } = listen(terminals);
  source.emit("SIGHUP");

  expect(state).toMatchObject({ begun, left });
});
