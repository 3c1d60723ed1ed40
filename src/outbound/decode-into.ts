// Bytes of a reply into its decoder, for whoever wants the whole of it and no relay.

import type { ByteSink } from "../contract/byte-source.ts";
import type { EventDecoder } from "../contract/upstream.ts";

/** @param onBroken told of a body that broke, and of one that the decoder cannot read on, such as a line that is too long */
export function decodeInto(
  decoder: EventDecoder,
  onEvent: Parameters<EventDecoder["feed"]>[1],
  onBroken: (error: unknown) => void,
): ByteSink {
  // What a sink throws is nobody's: sources do not look for it.
  const orBroken = (read: () => void): void => {
    try {
      read();
    } catch (error) {
      onBroken(error);
    }
  };
  return {
    chunk: (bytes) => orBroken(() => decoder.feed(bytes, onEvent)),
    end: () => orBroken(() => decoder.end(onEvent)),
    fail: onBroken,
  };
}
