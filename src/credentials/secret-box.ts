// Text that only the holder of the key can read: AES-256-GCM. Where the key comes from is master-key.ts.

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

/** @param loadKey called at the first use: 32 bytes */
export function createSecretBox(loadKey: () => Uint8Array): SecretBox {
  let loaded: Uint8Array | undefined;
  const key = (): Uint8Array => (loaded ??= loadKey());
  return {
    seal(text, context) {
      const nonce = crypto.getRandomValues(Buffer.alloc(nonceBytes));
      const cipher = ciphers().createCipheriv(algorithm, key(), nonce).setAAD(Buffer.from(context));
      const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return new Uint8Array(Buffer.concat([Buffer.of(version), nonce, cipher.getAuthTag(), body]));
    },
    open(sealed, context) {
      if (sealed[0] !== version || sealed.length < headBytes) return undefined;
      const decipher = ciphers().createDecipheriv(algorithm, key(), sealed.subarray(1, 1 + nonceBytes), {
        authTagLength: tagBytes,
      });
      decipher.setAAD(Buffer.from(context)).setAuthTag(sealed.subarray(1 + nonceBytes, headBytes));
      try {
        return Buffer.concat([decipher.update(sealed.subarray(headBytes)), decipher.final()]).toString("utf8");
      } catch {
        // The tag does not fit. Which of the possible reasons it is cannot be told.
        return undefined;
      }
    },
  };
}

/** Loaded with the first secret: the module costs 5 MB, and an account of the settings is never sealed. */
function ciphers(): Pick<typeof import("node:crypto"), "createCipheriv" | "createDecipheriv"> {
  return process.getBuiltinModule("node:crypto");
}
