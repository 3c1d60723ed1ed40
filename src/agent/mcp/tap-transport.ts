// A transport whose messages we hear before the SDK does, and may keep from it: it checks each of them four times over,
// which for steps of progress is most of what they cost (a third of a millisecond).

import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";

/** @param hear whether the SDK shall hear it too */
export function tapTransport(transport: Transport, hear: (message: JSONRPCMessage) => boolean): Transport {
  const tapped: Transport = {
    start: () => transport.start(),
    send: (message, options) => transport.send(message, options),
    close: () => transport.close(),
    setProtocolVersion: (version) => transport.setProtocolVersion?.(version),
  };
  transport.onmessage = (message, extra) => {
    if (hear(message)) tapped.onmessage?.(message, extra);
  };
  transport.onerror = (error) => tapped.onerror?.(error);
  transport.onclose = () => tapped.onclose?.();
  return tapped;
}
