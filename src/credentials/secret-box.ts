// Text that only the holder of the key can read: AES-256-GCM. Where the keys come from is master-key.ts.

import type { MasterKeys } from "./master-key.ts";

export interface SecretBox {
  /** @param context what the secret belongs to: it opens under the same one only, so that rows cannot be exchanged */
  seal(text: string, context: string): Uint8Array;
  /** @returns undefined when it was sealed with another key or for another context, or was changed since. */
  open(sealed: Uint8Array, context: string): string | undefined;
}

const algorithm = "aes-256-gcm";
/** First byte of what is sealed, for the day when the form changes. */
const version = 1;
const nonceBytes = 12;
const tagBytes = 16;
const headBytes = 1 + nonceBytes + tagBytes;

/** @param loadKeys called at the first use, and again when one does not open: another process may have changed it */
export function createSecretBox(loadKeys: () => MasterKeys): SecretBox {
  let loaded: MasterKeys | undefined;
  return {
    seal(text, context) {
      loaded ??= loadKeys();
      const nonce = crypto.getRandomValues(Buffer.alloc(nonceBytes));
      const cipher = ciphers().createCipheriv(algorithm, loaded[0], nonce).setAAD(Buffer.from(context));
      const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return new Uint8Array(Buffer.concat([Buffer.of(version), nonce, cipher.getAuthTag(), body]));
    },
    open(sealed, context) {
      if (sealed[0] !== version || sealed.length < headBytes) return undefined;
      const known = loaded;
      loaded ??= loadKeys();
      const text = openWithAny(loaded, sealed, context);
      if (text !== undefined || known === undefined) return text;
      const now = loadKeys();
      if (Bun.deepEquals(now, known)) return undefined;
      loaded = now;
      return openWithAny(now, sealed, context);
    },
  };
}

function openWithAny(keys: MasterKeys, sealed: Uint8Array, context: string): string | undefined {
  for (const key of keys) {
    const text = openWith(key, sealed, context);
    if (text !== undefined) return text;
  }
  return undefined;
}

function openWith(key: Uint8Array, sealed: Uint8Array, context: string): string | undefined {
  const decipher = ciphers().createDecipheriv(algorithm, key, sealed.subarray(1, 1 + nonceBytes), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(Buffer.from(context)).setAuthTag(sealed.subarray(1 + nonceBytes, headBytes));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(headBytes)), decipher.final()]).toString("utf8");
  } catch {
    // The tag does not fit. Which of the possible reasons it is cannot be told.
    return undefined;
  }
}

/** Loaded with the first secret: the module costs 5 MB, and an account of the settings is never sealed. */
function ciphers(): Pick<typeof import("node:crypto"), "createCipheriv" | "createDecipheriv"> {
  return process.getBuiltinModule("node:crypto");
}
