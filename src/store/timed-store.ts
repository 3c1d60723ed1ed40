// A store whose calls are timed: once a call, whatever the driver is. Names of methods are the operations.

import type { Metrics } from "../telemetry/metrics.ts";
import type { Store } from "./store.ts";

type AnyMethod = (...args: unknown[]) => unknown;

/** Of whatever methods the store has, so that one which is added to the contract is timed from its first day. */
export function timeStore(store: Store, metrics: Pick<Metrics, "storeTimed">): Store {
  function createTimed(operation: string, method: AnyMethod): AnyMethod {
    return (...args) => {
      const startedAtMs = performance.now();
      const result = method.apply(store, args);
      if (!(result instanceof Promise)) return result;
      // Nothing to wait for: of a new conversation all calls but the last are answered from memory.
      if (Bun.peek.status(result) !== "fulfilled") return timeAnswer(operation, startedAtMs, result);
      metrics.storeTimed(operation, performance.now() - startedAtMs, false);
      return result;
    };
  }

  function timeAnswer(operation: string, startedAtMs: number, result: Promise<unknown>): Promise<unknown> {
    return result.then(
      (value: unknown) => {
        metrics.storeTimed(operation, performance.now() - startedAtMs, false);
        return value;
      },
      (error: unknown) => {
        metrics.storeTimed(operation, performance.now() - startedAtMs, true);
        throw error;
      },
    );
  }

  const timed: Record<string, AnyMethod> = {};
  for (const name of memberNames(store)) {
    const member: unknown = Reflect.get(store, name);
    if (typeof member === "function") timed[name] = createTimed(name, member as AnyMethod);
  }
  // One for each method of the store.
  return timed as unknown as Store;
}

/** Those of its class as well: they are no properties of its own. */
function memberNames(store: Store): Set<string> {
  const names = new Set<string>();
  for (let one: object | null = store; one !== null && one !== Object.prototype; one = Object.getPrototypeOf(one)) {
    for (const name of Object.getOwnPropertyNames(one)) if (name !== "constructor") names.add(name);
  }
  return names;
}
