// A store whose calls are timed: once a call, whatever the driver is. Names of methods are the operations.

import type { Metrics } from "../telemetry/metrics.ts";
import type { Store } from "./store.ts";

type AnyMethod = (...args: unknown[]) => unknown;

/** A proxy, so that a method which is added to the contract is timed from its first day. */
export function timeStore(store: Store, metrics: Pick<Metrics, "storeTimed">): Store {
  const timed = new Map<string | symbol, AnyMethod>();

  function createTimed(operation: string, method: AnyMethod): AnyMethod {
    return (...args) => {
      const startedAtMs = performance.now();
      const result = Reflect.apply(method, store, args);
      if (!(result instanceof Promise)) return result;
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
    };
  }

  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== "function" || typeof name === "symbol") return member;
      const known = timed.get(name) ?? createTimed(name, member as AnyMethod);
      timed.set(name, known);
      return known;
    },
  });
}
