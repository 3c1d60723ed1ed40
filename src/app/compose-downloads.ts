// The ways to what others name the address of: files that an upstream has made, and files that messages show.

import type { AttachmentLoader } from "../attachments/load-attachment.ts";
import type { Config } from "../config/config-schema.ts";
import type { Clock } from "../contract/clock.ts";
import { madeOnce } from "../contract/made-once.ts";
import type { GuardedDownload } from "../outbound/guarded-download.ts";
import type { HttpClient } from "../outbound/http-client.ts";
import { createTcpClient, type TcpClient } from "../outbound/tcp-client.ts";

export interface DownloadWays {
  readonly trusted: HttpClient;
  /** Carries everything, without a look at addresses: stands in for the network. */
  readonly standIn: HttpClient | undefined;
  readonly userAgent: string;
}

/** For what others name the address of. Loaded with the first of it. */
export function createDownload(
  trustedOrigins: readonly string[],
  ways: DownloadWays,
): { readonly fetch: GuardedDownload; close(): void } {
  let guarded: TcpClient | undefined;
  const download = madeOnce(async () => {
    const [{ createGuardedDownload, isPublicAddress }, { lookup }] = await Promise.all([
      import("../outbound/guarded-download.ts"),
      import("node:dns/promises"),
    ]);
    // Over sockets of its own in any case: nobody else tells which address was really reached.
    guarded = createTcpClient({ allowsAddress: isPublicAddress });
    return createGuardedDownload({
      guarded: ways.standIn ?? guarded,
      trusted: ways.trusted,
      trustedOrigins,
      userAgent: ways.userAgent,
      ...(ways.standIn === undefined && {
        lookup: async (host: string) => (await lookup(host, { all: true })).map(({ address }) => address),
      }),
    });
  });

  return {
    fetch: async (address, limits) => (await download.get())(address, limits),
    close: () => guarded?.close(),
  };
}

/** For what messages show. Its addresses are those of clients: Qwen's own servers count as little as any other. */
export function createAttachments(
  config: Config,
  ways: DownloadWays,
  clock: Clock,
): AttachmentLoader & { close(): void } {
  const origins = config.fileFetchOrigins
    .filter((origin) => URL.canParse(origin))
    .map((origin) => new URL(origin).origin);
  const download = createDownload(origins, ways);
  const loader = madeOnce(async () => {
    const { createAttachmentLoader } = await import("../attachments/load-attachment.ts");
    return createAttachmentLoader({
      maxBytes: config.maxFileBytes,
      download: config.fileFetch ? download.fetch : undefined,
      timeoutMs: config.fileFetchTimeoutMs,
      clock,
    });
  });

  return {
    load: async (part, signal) => (await loader.get()).load(part, signal),
    readText: async (part, signal) => (await loader.get()).readText(part, signal),
    close: download.close,
  };
}
