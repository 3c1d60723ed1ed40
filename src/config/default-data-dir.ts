// Where data lives when nobody says: the place that the desktop convention gives, or a folder beside the caller.

import { join } from "node:path";

/** @see https://specifications.freedesktop.org/basedir-spec/latest/ (relative paths are ignored) */
export function defaultDataDir(environment: Readonly<Record<string, string | undefined>>): string {
  const dataHome = environment["XDG_DATA_HOME"];
  if (dataHome?.startsWith("/")) return join(dataHome, "qwen-gateway");
  const home = environment["HOME"] || environment["USERPROFILE"];
  return home ? join(home, ".local", "share", "qwen-gateway") : "./data";
}
