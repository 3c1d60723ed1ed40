// How large the head of a request may be, in bytes.

/** Address and headers. Beyond it: 431, in the protocol of whoever sent them. */
export const maxHeadBytes = 16 * 1024;

/**
 * What the runtime's parser takes, and keeps for a connection for the 12 seconds in which a head has to be complete. Beyond it the parser
 * refuses by itself, without a word. It is told before the program begins: boot.ts, scripts/build.ts.
 */
export const maxParsedHeadBytes = 64 * 1024;
