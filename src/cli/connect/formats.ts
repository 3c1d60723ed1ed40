// The three forms of settings files that agents have, as one: text to data, and one value changed in the text.

import type { Json } from "../../contract/json.ts";
import type { FormatName, PathStep } from "./agent.ts";
import { readJson, setJson } from "./json-text.ts";
import { readToml, setToml } from "./toml-text.ts";
import { readYaml, setYaml } from "./yaml-text.ts";

export interface Format {
  /** @throws {Error} of any kind when the text is not of this form */
  read(text: string): unknown;
  /**
   * The text with this value in its place and everything else as it was. Undefined takes it out. It need not succeed: who
   * calls reads the outcome.
   */
  set(text: string, path: readonly PathStep[], value: Json | undefined): string;
}

export const formats: Readonly<Record<FormatName, Format>> = {
  json: { read: readJson, set: setJson },
  toml: { read: readToml, set: setToml },
  yaml: { read: readYaml, set: setYaml },
};
