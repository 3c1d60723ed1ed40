// Another master key: everything opens with it afterwards, and at every step before, whatever dies there.

import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Account } from "../../../src/credentials/account.ts";
import { createAccountVault } from "../../../src/credentials/account-vault.ts";
import { type KeySettings, loadMasterKeys } from "../../../src/credentials/master-key.ts";
import { rotateMasterKey } from "../../../src/credentials/rotate-master-key.ts";
import { createSecretBox } from "../../../src/credentials/secret-box.ts";
import { createMemoryStore } from "../../../src/store/memory-store.ts";
import type { Store } from "../../../src/store/store.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "qwen-gateway-rotate-"));
  folders.push(folder);
  return folder;
}

const hex = (byte: string) => byte.repeat(32);
const openStore = () => createMemoryStore({ clock: Date.now, sessionTimeoutMs: 1000 });
const accountOf = (id: string): Account => ({
  id,
  alias: id,
  token: `token of ${id}`,
  cookies: undefined,
  headers: {},
});

/** As a process with these settings sees the accounts. */
function vaultOf(store: Store, settings: KeySettings) {
  return createAccountVault(
    "qwen-web",
    store,
    createSecretBox(() => loadMasterKeys(settings)),
  );
}

async function put(store: Store, settings: KeySettings, ...ids: readonly string[]): Promise<void> {
  const vault = vaultOf(store, settings);
  for (const id of ids) await vault.put({ account: accountOf(id), added: true, configured: undefined }, undefined);
}

async function tokensSeen(vault: ReturnType<typeof vaultOf>): Promise<unknown[]> {
  return (await vault.list()).map(({ kept }) => (kept === "locked" ? "locked" : kept?.account.token));
}

const inFile = (dataDir: string): KeySettings => ({ masterKeyPrevious: [], dataDir });
const keyLines = (dataDir: string) => readFileSync(join(dataDir, "master-key"), "utf8").trim().split("\n");
const both = ["token of a", "token of b"];

describe("with the key file", () => {
  test("rotateMasterKey makes a new key that alone opens everything, and keeps the former for who still has it", async () => {
    const [dataDir, store] = [makeFolder(), openStore()];
    await put(store, inFile(dataDir), "a", "b");
    const [former] = keyLines(dataDir);
    const rotation = await rotateMasterKey(store, inFile(dataDir));
    const [fresh, kept, ...more] = keyLines(dataDir);

    expect(rotation).toEqual({ accounts: 2, key: "new" });
    expect(fresh).not.toBe(former);
    expect([kept, more]).toEqual([former, []]);
    expect(statSync(join(dataDir, "master-key")).mode & 0o777).toBe(0o600);
    const fileOf = (key: string | undefined): KeySettings => {
      const folder = makeFolder();
      writeFileSync(join(folder, "master-key"), `${key}\n`);
      return inFile(folder);
    };
    expect(await tokensSeen(vaultOf(store, fileOf(fresh)))).toEqual(both);
    expect(await tokensSeen(vaultOf(store, fileOf(former)))).toEqual(["locked", "locked"]);
  });

  test("a process that runs goes on: it reads the file again, and what it seals from then on the new key opens", async () => {
    const [dataDir, store] = [makeFolder(), openStore()];
    await put(store, inFile(dataDir), "a", "b");
    const running = vaultOf(store, inFile(dataDir));
    expect(await tokensSeen(running)).toEqual(both);
    await rotateMasterKey(store, inFile(dataDir));
    // What it had begun to write is of a revision that counts no more.
    expect(
      await running.put({ account: accountOf("a"), added: true, configured: undefined }, undefined, 1),
    ).toBeUndefined();
    expect(await tokensSeen(running)).toEqual(both);
    await running.put({ account: accountOf("c"), added: true, configured: undefined }, undefined);
    await rotateMasterKey(store, inFile(dataDir));
    await rotateMasterKey(store, inFile(dataDir));

    expect(keyLines(dataDir)).toHaveLength(2);
    expect(await tokensSeen(running)).toEqual([...both, "token of c"]);
  });

  test("a process that seals with the former key after all makes nothing that cannot be opened", async () => {
    const [dataDir, store] = [makeFolder(), openStore()];
    await put(store, inFile(dataDir), "a");
    const former = loadMasterKeys(inFile(dataDir));
    await rotateMasterKey(store, inFile(dataDir));
    const late = createAccountVault(
      "qwen-web",
      store,
      createSecretBox(() => former),
    );
    await late.put({ account: accountOf("b"), added: true, configured: undefined }, undefined);

    expect(await tokensSeen(vaultOf(store, inFile(dataDir)))).toEqual(both);
  });

  test("whatever dies between its steps: everything opens, and the next rotation ends well", async () => {
    const deaths: Readonly<Record<string, (store: Store) => Store>> = {
      "before the accounts": (store) => dyingStore(store, 2, "before"),
      "after the accounts": (store) => dyingStore(store, 2, "after"),
    };
    for (const die of Object.values(deaths)) {
      const [dataDir, store] = [makeFolder(), openStore()];
      await put(store, inFile(dataDir), "a", "b");
      await expect(rotateMasterKey(die(store), inFile(dataDir))).rejects.toThrow("killed");
      expect(await tokensSeen(vaultOf(store, inFile(dataDir)))).toEqual(both);
      await expect(rotateMasterKey(die(store), inFile(dataDir))).rejects.toThrow("killed");
      expect(await tokensSeen(vaultOf(store, inFile(dataDir)))).toEqual(both);
      await rotateMasterKey(store, inFile(dataDir));

      expect(await tokensSeen(vaultOf(store, inFile(dataDir)))).toEqual(both);
      expect(keyLines(dataDir)).toHaveLength(2);
      expect(readdirSync(dataDir)).toEqual(["master-key"]);
    }
  });

  test("rotateMasterKey refuses what it cannot open, by its alias, and changes nothing", async () => {
    const [dataDir, store] = [makeFolder(), openStore()];
    await put(store, inFile(dataDir), "a");
    await put(store, { masterKey: hex("cd"), masterKeyPrevious: [], dataDir: makeFolder() }, "b");
    const before = keyLines(dataDir);

    await expect(rotateMasterKey(store, inFile(dataDir))).rejects.toThrow('account "b"');
    expect(keyLines(dataDir)).toEqual(before);
    expect(await tokensSeen(vaultOf(store, inFile(dataDir)))).toEqual(["token of a", "locked"]);
  });
});

describe("with MASTER_KEY", () => {
  test("both keys open while the accounts are sealed anew, then the new one alone", async () => {
    const [dataDir, store] = [makeFolder(), openStore()];
    await put(store, { masterKey: hex("ab"), masterKeyPrevious: [], dataDir }, "a", "b");
    const between: KeySettings = { masterKey: hex("cd"), masterKeyPrevious: [hex("ab")], dataDir };
    const running = vaultOf(store, between);
    expect(await tokensSeen(running)).toEqual(both);
    expect(await rotateMasterKey(store, between)).toEqual({ accounts: 2, key: "configured" });
    expect(await rotateMasterKey(store, between)).toEqual({ accounts: 0, key: "configured" });

    expect(await tokensSeen(running)).toEqual(both);
    expect(await tokensSeen(vaultOf(store, { masterKey: hex("cd"), masterKeyPrevious: [], dataDir }))).toEqual(both);
    expect(readdirSync(dataDir)).toEqual([]);
  });

  test("a key of the file moves into MASTER_KEY when it is named, and is not looked for otherwise", async () => {
    const [dataDir, store] = [makeFolder(), openStore()];
    await put(store, inFile(dataDir), "a", "b");
    const moved: KeySettings = { masterKey: hex("cd"), masterKeyPrevious: [], dataDir };
    expect(await tokensSeen(vaultOf(store, moved))).toEqual(["locked", "locked"]);
    await rotateMasterKey(store, { ...moved, masterKeyPrevious: keyLines(dataDir) });
    rmSync(join(dataDir, "master-key"));

    expect(await tokensSeen(vaultOf(store, moved))).toEqual(both);
  });
});

/** A store whose process dies with its `nth` sealing. */
function dyingStore(store: Store, nth: number, when: "before" | "after"): Store {
  let count = 0;
  return new Proxy(store, {
    get(target, name, receiver) {
      if (name !== "resealAccounts") return Reflect.get(target, name, receiver);
      return async (...sealing: Parameters<Store["resealAccounts"]>) => {
        const dies = ++count === nth;
        if (dies && when === "before") throw new Error("killed");
        const changed = await target.resealAccounts(...sealing);
        if (dies) throw new Error("killed");
        return changed;
      };
    },
  });
}
