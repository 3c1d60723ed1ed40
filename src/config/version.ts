// The version of this build: burnt in by scripts/build.ts, read from package.json when run from source.

import { version as sourceVersion } from "../../package.json";

declare const BUILD_VERSION: string | undefined;

/** Whether this is the executable of scripts/build.ts. */
export const isCompiled = typeof BUILD_VERSION === "string";

export const version: string = typeof BUILD_VERSION === "string" ? BUILD_VERSION : sourceVersion;
