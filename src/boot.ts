// The entry. Bun reads its limit of 256 fetches in flight, and the mode of the process, only before it starts: so the
// program replaces itself once with both set (same process id, about 18 ms), and only then loads the rest.

// Defined in the compiled binary only, where the arguments begin without a script.
declare const BUILD_VERSION: string | undefined;

const { BUN_BE_BUN: _ignored, ...environment } = process.env;

// Read as a property of Bun.env: process.env.NODE_ENV is replaced by a constant at build time.
if (!environment["BUN_CONFIG_MAX_HTTP_REQUESTS"] || !Bun.env["NODE_ENV"]) {
  const compiled = typeof BUILD_VERSION === "string";
  const words = compiled ? process.argv.slice(2) : [...process.execArgv, ...process.argv.slice(1)];
  try {
    process.execve?.(process.execPath, [process.execPath, ...words], {
      ...environment,
      BUN_CONFIG_MAX_HTTP_REQUESTS: environment["BUN_CONFIG_MAX_HTTP_REQUESTS"] || "65336",
      NODE_ENV: Bun.env["NODE_ENV"] || "production",
    });
  } catch {
    // Where a process cannot replace itself, the gateway works as it is: with at most 256 upstream requests at a time.
  }
}

await import("./main.ts");

export {};
