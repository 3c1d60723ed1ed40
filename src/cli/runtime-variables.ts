// What the runtime reads before a program starts, and never again. Set by boot.ts, and in the image by its Dockerfile.

/** Whatever runtime it is. The second is the mode of Elysia and others. */
export const runtimeVariables: Readonly<Record<string, string>> = {
  BUN_CONFIG_MAX_HTTP_REQUESTS: "65336",
  NODE_ENV: "production",
};

/** Only for the runtime that is built in: one that does not know a name refuses to start. */
export const builtInRuntimeVariables: Readonly<Record<string, string>> = {
  // From 16 GB of memory on, the runtime lets a heap grow to three times what lives before it collects, else to twice: 160
  // against 200 MB under 64 whole answers at a time, at the same CPU. No machine reaches this one.
  BUN_JSC_heapGrowthFunctionThresholdInMB: "1000000000",
  // The last tier of its compiler costs more CPU on its own threads than its code saves: a quarter of whole answers' CPU over
  // the first 6000 requests, a tenth over 40,000, and with nothing to show on the main thread afterwards.
  BUN_JSC_useFTLJIT: "0",
  // A heap that is no larger than 16 MB is not let grow to 32 before it is collected: what it hands out again has not left the
  // processor's caches then, which takes 5 to 10 % off the CPU of short requests.
  BUN_JSC_largeHeapSize: String(16 * 1024 * 1024),
};
