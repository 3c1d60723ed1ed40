// What a person may choose about the answers of one conversation, and how it is asked for. Pure.

import { fieldsOf, textsOf } from "../fields.ts";

export type Choice = "default" | "on" | "off";
export type DocumentChoice = "all" | "none" | "chosen";

export interface Switches {
  /** Default: as the model does. */
  readonly reasoning: Choice;
  readonly webSearch: Choice;
  readonly documents: DocumentChoice;
  /** Ids; they stay while others are searched. */
  readonly chosenDocuments: readonly string[];
  readonly followUps: boolean;
}

export const plainSwitches: Switches = {
  reasoning: "default",
  webSearch: "default",
  documents: "all",
  chosenDocuments: [],
  followUps: true,
};

/** Fields of `POST /api/chat/stream`; what is as it always is, is not said. */
export interface SwitchFields {
  readonly documents?: false | readonly string[];
  readonly options?: { readonly reasoning?: boolean; readonly web_search?: boolean; readonly follow_ups?: false };
}

/** @param known ids that there are; undefined: nobody has told yet */
export function requestFieldsOf(switches: Switches, known: ReadonlySet<string> | undefined): SwitchFields {
  const { reasoning, webSearch, followUps } = switches;
  const options = {
    ...(reasoning === "default" ? {} : { reasoning: reasoning === "on" }),
    ...(webSearch === "default" ? {} : { web_search: webSearch === "on" }),
    ...(followUps ? {} : { follow_ups: false as const }),
  };
  return { ...documentsOf(switches, known), ...(Object.keys(options).length === 0 ? {} : { options }) };
}

function documentsOf(
  { documents, chosenDocuments }: Switches,
  known: ReadonlySet<string> | undefined,
): Pick<SwitchFields, "documents"> {
  if (documents === "all") return {};
  // One that is gone would have the gateway search none.
  const ids = documents === "none" ? [] : chosenDocuments.filter((id) => known?.has(id) ?? true);
  return { documents: ids.length === 0 ? false : ids };
}

/** How many of them are not as they always are. */
export function countChanged({ reasoning, webSearch, documents, followUps }: Switches): number {
  return [reasoning !== "default", webSearch !== "default", documents !== "all", !followUps].filter(Boolean).length;
}

/** As the browser has kept it; what is missing or strange is as it always is. */
export function parseSwitches(value: unknown): Switches {
  const fields = fieldsOf(value);
  return {
    reasoning: choices.find((choice) => choice === fields["reasoning"]) ?? "default",
    webSearch: choices.find((choice) => choice === fields["webSearch"]) ?? "default",
    documents: documentChoices.find((choice) => choice === fields["documents"]) ?? "all",
    chosenDocuments: textsOf(fields["chosenDocuments"]),
    followUps: fields["followUps"] !== false,
  };
}

const choices: readonly Choice[] = ["default", "on", "off"];
const documentChoices: readonly DocumentChoice[] = ["all", "none", "chosen"];
