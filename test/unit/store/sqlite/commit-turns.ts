// A process to be killed: commits turns to the store named by its argument and prints each one after its commit.
// Called with "run" it stops in the middle of two replies; with "once" it commits one turn and leaves.

import { openSqliteStore } from "../../../../src/store/sqlite/open-store.ts";
import {
  begin,
  byHistory,
  converse,
  newConversation,
  node,
  sessionTimeoutMs,
  turnRecord,
} from "../../../support/test-store.ts";

const [path = "", mode] = process.argv.slice(2);
const store = openSqliteStore({ path, clock: Date.now, sessionTimeoutMs });

if (mode === "once") {
  await converse(store, `chat-${process.pid}`, "1");
  console.log("committed");
  await store.close();
} else if (mode === "run") {
  await converse(store, "chat", "1");
  await store.noteReply(await begin(store, byHistory(["1"])), node("chat", "running"));
  const opening = newConversation("first-reply", {
    sessionId: "other",
    byHead: true,
    continuation: node("first-reply", "begun"),
  });
  await store.openConversation("caller", opening);
  console.log("running");
  // Keeps the process: it waits to be killed.
  process.stdin.resume();
} else {
  await converse(store, "chat", "0");
  for (let turn = 1; ; turn++) {
    const claim = await begin(store, byHistory([`${turn - 1}`]));
    await store.endTurn(claim, turnRecord(`${turn}`, node("chat", `node-${turn}`)));
    console.log(turn);
  }
}
