// A process that holds a chat of a shared store, with a reply that runs, until it is killed.

import { openRedisStore } from "../../../../src/store/redis/open-store.ts";
import { begin, byHistory, converse, node, sessionTimeoutMs } from "../../../support/test-store.ts";

const [, , url = "", prefix = ""] = process.argv;
// Whoever does not hear the server waits for it longer than any test.
const limits = { connectMs: 60_000 };
const store = await openRedisStore({ url, prefix, limits, clock: Date.now, sessionTimeoutMs });
await converse(store, "chat", "1");
await store.noteReply(await begin(store, byHistory(["1"])), node("chat", "running"));
// What was asked before has been answered when this is.
await store.probe();
console.log("held");
setInterval(() => {}, 60_000);
