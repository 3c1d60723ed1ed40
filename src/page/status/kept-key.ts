// The admin key: in the tab's session storage alone, gone with the tab.

const keyName = "qwen-gateway-admin-key";

export interface KeptKey {
  read(): string | undefined;
  /** "" forgets it. */
  save(key: string): void;
}

export function createKeptKey(): KeptKey {
  // A browser may refuse to keep anything: then it is kept as long as the page is.
  let own = "";
  return {
    read() {
      try {
        return (sessionStorage.getItem(keyName) ?? own) || undefined;
      } catch {
        return own || undefined;
      }
    },
    save(key) {
      own = key;
      try {
        if (key === "") sessionStorage.removeItem(keyName);
        else sessionStorage.setItem(keyName, key);
      } catch {
        // It is kept by the page.
      }
    },
  };
}
