// The settings as a Markdown table, out of the one schema in src/config.

import { allowedValues, isWordList, listSettings, type Setting } from "../src/config/config-names.ts";

export function configTable(): string {
  const rows = listSettings().map((setting) => {
    const { environmentName, schema } = setting;
    const meaning = schema.writeOnly === true ? `${schema.description}. Secret` : (schema.description ?? "");
    return [`\`${environmentName}\``, defaultOf(setting), rangeOf(setting), meaning];
  });
  const head = ["Variable", "Default", "Takes", "Meaning"];
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.map(escapeCell).join(" | ")} |`).join("\n");
}

function defaultOf({ schema }: Setting): string {
  const value = schema.default;
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return "";
  return `\`${value}\``;
}

function rangeOf(setting: Setting): string {
  const words = allowedValues(setting);
  return isWordList(setting.schema) ? `${words}, separated by commas` : words;
}

/** A bar would end the cell. */
function escapeCell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("*", "\\*");
}
