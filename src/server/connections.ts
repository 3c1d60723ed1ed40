// The connections of a socket: which are kept however quiet they are, and which are given up for others.

import { readDescriptorLimit } from "../telemetry/descriptors.ts";
import type { Log } from "../telemetry/log.ts";
import { createHeldConnections, type HeldConnections } from "./held-connections.ts";
import { createIdleConnections, type IdleConnections } from "./idle-connections.ts";
import type { HttpServer } from "./listen.ts";

export interface Connections extends HeldConnections, Pick<IdleConnections, "asked"> {}

export function createConnections(server: HttpServer, idleTimeoutSeconds: number, log: Log): Connections {
  const held = createHeldConnections(server, idleTimeoutSeconds);
  const { asked } = createIdleConnections({ server, limit: readDescriptorLimit(), log });
  return { ...held, asked };
}
