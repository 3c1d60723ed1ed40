// Sealed text opens with its key, for its context, and untouched only.

import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { loadMasterKeys } from "../../../src/credentials/master-key.ts";
import { createSecretBox } from "../../../src/credentials/secret-box.ts";

const key = new Uint8Array(32).fill(7);
const box = createSecretBox(() => [key]);

describe("createSecretBox", () => {
  test("opens any text that it sealed, and never seals it twice alike", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string(), (text, context) => {
        const sealed = box.seal(text, context);
        expect(box.open(sealed, context)).toBe(Buffer.from(text, "utf8").toString("utf8"));
        expect(Buffer.from(box.seal(text, context)).equals(sealed)).toBe(false);
      }),
    );
  });

  test("does not show what is inside", () => {
    expect(Buffer.from(box.seal("refresh_token=secret", "a")).toString("latin1")).not.toContain("secret");
  });

  test("opens nothing that was changed, cut, or moved to another context or key", () => {
    const sealed = box.seal("secret", "qwen-web\na");
    for (let index = 0; index < sealed.length; index++) {
      const changed = sealed.slice();
      changed[index] = (changed[index] ?? 0) ^ 1;
      expect(box.open(changed, "qwen-web\na")).toBeUndefined();
      expect(box.open(sealed.subarray(0, index), "qwen-web\na")).toBeUndefined();
    }
    expect(box.open(sealed, "qwen-web\nb")).toBeUndefined();
    expect(createSecretBox(() => [new Uint8Array(32)]).open(sealed, "qwen-web\na")).toBeUndefined();
  });

  test("loads the key when it is needed, once", () => {
    let loads = 0;
    const lazy = createSecretBox(() => {
      loads++;
      return [key];
    });
    expect(loads).toBe(0);
    lazy.open(lazy.seal("a", "b"), "b");
    expect(loads).toBe(1);
  });
});

describe("loadMasterKeys", () => {
  function inFolder(work: (folder: string) => void): void {
    const folder = mkdtempSync(join(tmpdir(), "master-key-"));
    try {
      work(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  test("makes a file that its owner alone can read, and finds it again", () => {
    inFolder((folder) => {
      const dataDir = join(folder, "data");
      const made = loadMasterKeys({ masterKeyPrevious: [], dataDir });
      expect(made.map(({ length }) => length)).toEqual([32]);
      expect(statSync(join(dataDir, "master-key")).mode & 0o777).toBe(0o600);
      expect(loadMasterKeys({ masterKeyPrevious: [], dataDir })).toEqual(made);
      expect(readFileSync(join(dataDir, "master-key"), "utf8")).toMatch(/^[0-9a-f]{64}\n$/);
    });
  });

  test("takes the configured key and makes no file", () => {
    inFolder((folder) => {
      expect(loadMasterKeys({ masterKey: "ab".repeat(32), masterKeyPrevious: [], dataDir: folder })).toEqual([
        Buffer.alloc(32, 0xab),
      ]);
      expect(() => statSync(join(folder, "master-key"))).toThrow();
    });
  });

  test("refuses a file that holds no key, without quoting it", () => {
    inFolder((folder) => {
      writeFileSync(join(folder, "master-key"), "not a key\n");
      expect(() => loadMasterKeys({ masterKeyPrevious: [], dataDir: folder })).toThrow(
        /master-key": it must hold 64 hexadecimal characters/,
      );
      expect(() => loadMasterKeys({ masterKeyPrevious: [], dataDir: folder })).not.toThrow(/not a key/);
    });
  });
});
