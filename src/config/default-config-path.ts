// Where the settings lie when nobody says: the place that the desktop convention gives. Never the working directory, which
// may be anybody's.

import { join } from "node:path";

/**
 * Undefined: there is no home.
 * @see https://specifications.freedesktop.org/basedir-spec/latest/ (relative paths are ignored)
 */
export function defaultConfigPath(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const configHome = environment["XDG_CONFIG_HOME"];
  if (configHome?.startsWith("/")) return join(configHome, "qwen-gateway", "config.yaml");
  const home = environment["HOME"] || environment["USERPROFILE"];
  return home ? join(home, ".config", "qwen-gateway", "config.yaml") : undefined;
}
