// The driver in memory under the suite of all drivers.

import { createMemoryStore } from "../../../src/store/memory-store.ts";
import { testStore } from "../../support/test-store.ts";

testStore("memoryStore", async (options) => ({ store: createMemoryStore(options) }));
