// Services whose settings are no longer in force: each ends what it began, then what only it has is closed.

import { toGatewayError } from "../contract/gateway-error.ts";
import type { Log } from "../telemetry/log.ts";
import type { Service } from "./compose-service.ts";

export interface Retirement {
  /** Those that still end something. */
  services(): readonly Service[];
  /** @param successor what the two share is left to it */
  add(service: Service, successor: Service): void;
  /** Resolves when all are closed. To be called when no reply runs any more. */
  close(): Promise<void>;
}

/** A reload a second while long answers run must not fill the memory: of more, the oldest is cut short. */
const mostServices = 16;

export function createRetirement(log: Log): Retirement {
  const retiring = new Map<Service, Promise<void>>();

  async function retire(service: Service, successor: Service): Promise<void> {
    const ends: Promise<void>[] = [service.gateway.drain(service.config.replyTimeoutMs)];
    if (service.agent !== successor.agent) ends.push(service.agent.retire());
    try {
      await Promise.all(ends);
      await service.upstreams.close();
      if (service.tracing !== successor.tracing) await service.tracing.tracing?.close();
    } catch (error) {
      log.error("Cannot close what the former settings had opened", { reason: toGatewayError(error).message }, error);
    }
  }

  return {
    services: () => [...retiring.keys()],
    add(service, successor) {
      const retired = retire(service, successor).finally(() => retiring.delete(service));
      retiring.set(service, retired);
      const [oldest] = retiring.keys();
      if (retiring.size <= mostServices || oldest === undefined) return;
      log.warn("Too many reloads during long answers: those of the oldest settings are cut short");
      void oldest.gateway.drain(0);
    },
    async close() {
      for (const { agent } of retiring.keys()) void agent.close();
      await Promise.all(retiring.values());
    },
  };
}
