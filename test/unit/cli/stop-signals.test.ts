// First signal, echo, second signal: with a signal source and a clock of the test's own.

import { expect, test } from "bun:test";
import { EventEmitter } from "node:events";
import { awaitStopSignal, endAsOthersDo } from "../../../src/cli/stop-signals.ts";

function listen() {
  const source = new EventEmitter();
  const state = { nowMs: 1000, abandoned: 0 };
  const signal = awaitStopSignal(
    source,
    () => {
      state.abandoned += 1;
    },
    () => state.nowMs,
  );
  return { source, state, signal };
}

test("awaitStopSignal resolves with the first signal", async () => {
  for (const name of ["SIGTERM", "SIGINT", "SIGQUIT"] as const) {
    const { source, state, signal } = listen();
    source.emit(name);

    expect(await signal).toBe(name);
    expect(state.abandoned).toBe(0);
  }
});

test("awaitStopSignal takes a signal right behind the first as its echo", () => {
  const { source, state } = listen();
  source.emit("SIGINT");
  state.nowMs += 49;
  source.emit("SIGINT");

  expect(state.abandoned).toBe(0);
});

test("awaitStopSignal gives up on a second signal of either kind", () => {
  const { source, state } = listen();
  source.emit("SIGTERM");
  state.nowMs += 50;
  source.emit("SIGINT");

  expect(state.abandoned).toBe(1);
});

test("endAsOthersDo ends by the code of the signal, unless the command listens itself", () => {
  const source = new EventEmitter();
  const codes: number[] = [];
  endAsOthersDo(source, (code) => codes.push(code));

  for (const name of ["SIGINT", "SIGQUIT", "SIGTERM"] as const) source.emit(name);
  void awaitStopSignal(source, () => {});
  source.emit("SIGTERM");

  expect(codes).toEqual([130, 131, 143]);
});
