// React in a document of its own, for as long as a test file runs: other files must not find a window.

import { Window } from "happy-dom";
import { createElement, type ReactNode, StrictMode } from "react";
import type { Root } from "react-dom/client";
import { settle } from "./stage.ts";

const names = ["window", "document", "IS_REACT_ACT_ENVIRONMENT"] as const;

export interface Rendered<Result, Props> {
  /** What the hook returned last. */
  readonly result: { current: Result };
  readonly renders: () => number;
  rerender(props: Props): Promise<void>;
  unmount(): Promise<void>;
}

interface ProbeProps {
  readonly draw: () => ReactNode;
}

/** Calls hooks where React wants them called. */
function Probe({ draw }: ProbeProps): ReactNode {
  return draw();
}

export async function openDocument() {
  const window = new Window();
  const before = names.map((name) => Object.getOwnPropertyDescriptor(globalThis, name));
  Object.assign(globalThis, { window, document: window.document, IS_REACT_ACT_ENVIRONMENT: true });
  // Looks for a document when it is loaded.
  const { createRoot } = await import("react-dom/client");
  const { act } = await import("react");
  const roots = new Set<Root>();

  /** Lets React take up what `work` does, and what comes of it. */
  async function perform(work: () => void | Promise<void>): Promise<void> {
    await act(async () => work());
  }

  /** Until something shows. */
  async function until(isThere: () => boolean): Promise<void> {
    while (!isThere()) await perform(settle);
  }

  async function renderHook<Result, Props>(
    hook: (props: Props) => Result,
    props: Props,
    { isStrict = false, show }: { isStrict?: boolean; show?: (result: Result) => ReactNode } = {},
  ): Promise<Rendered<Result, Props>> {
    const container = window.document.createElement("div");
    window.document.body.replaceChildren(container);
    // The types of React know the browser's elements only.
    const root = createRoot(container as unknown as Parameters<typeof createRoot>[0]);
    roots.add(root);
    const result = {} as { current: Result };
    let renders = 0;
    const render = (given: Props) => {
      const draw = () => {
        renders += 1;
        result.current = hook(given);
        return show?.(result.current) ?? null;
      };
      const probe = createElement(Probe, { draw });
      return perform(() => root.render(isStrict ? createElement(StrictMode, undefined, probe) : probe));
    };
    await render(props);
    return {
      result,
      renders: () => renders,
      rerender: render,
      async unmount() {
        roots.delete(root);
        await perform(() => root.unmount());
      },
    };
  }

  async function close(): Promise<void> {
    for (const root of roots) await perform(() => root.unmount());
    await window.happyDOM.close();
    names.forEach((name, index) => {
      const descriptor = before[index];
      if (descriptor === undefined) Reflect.deleteProperty(globalThis, name);
      else Object.defineProperty(globalThis, name, descriptor);
    });
  }

  const texts = () => [...window.document.querySelectorAll("p")].map(({ textContent }) => textContent);

  return { renderHook, perform, until, texts, close };
}
