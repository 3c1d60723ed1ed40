// What a tool may do to the world, and whether it is done, asked about, or never done. A server's hints can make its tool
// look worse than its name says, never better.

import { isJsonObject } from "../../contract/json.ts";
import type { AgentTool } from "../tools.ts";
import { mixesAlphabets, readName, wordsOfName } from "./name-words.ts";
import { classOfDescription, classOfWords, describesHarm, type NamedClass } from "./risk-words.ts";

export type Risk = "read" | "write" | "destructive";
/** What is done with a call of the tool. */
export type Verdict = "run" | "ask" | "deny";

export interface RiskRules {
  readonly confirm: "destructive" | "writes" | "never";
  /** Patterns of `server/tool`; `*` stands for anything. `deny` wins over `ask`, and that over `allow`. */
  readonly allow: readonly string[];
  readonly ask: readonly string[];
  readonly deny: readonly string[];
}

/** What a tool does stands at the beginning. */
const maxDescriptionChars = 4000;

/** By hints, name, and where both are silent by the description. In doubt destructive. */
export function classifyTool(tool: Pick<AgentTool, "name" | "description" | "inputSchema" | "hints">): Risk {
  const { hints, name } = tool;
  const description = tool.description.slice(0, maxDescriptionChars);
  // Made to be taken for another: nothing that it says is believed.
  if (mixesAlphabets(name)) return "destructive";
  const named = classOfWords(wordsOfName(name));
  // The protocol gives `destructive` a meaning only for what is not read-only.
  if (hints.destructive === true && hints.readOnly !== true) return "destructive";
  if (hints.readOnly === true) return named === undefined ? "read" : riskOf(named);
  if (hints.destructive === false) {
    if (named === "destroy") return "destructive";
    return named === "read" && hints.readOnly !== false ? "read" : "write";
  }
  const told = named ?? classOfDescription(description);
  if (told === undefined || describesHarm(description) || takesCode(tool.inputSchema)) return "destructive";
  const risk = riskOf(told);
  return risk === "read" && hints.readOnly === false ? "write" : risk;
}

function riskOf(named: NamedClass): Risk {
  switch (named) {
    case "read":
      return "read";
    case "add":
      return "write";
    case "change":
    case "destroy":
      return "destructive";
  }
}

/** A "query" that takes SQL does whatever the SQL does. */
function takesCode(schema: AgentTool["inputSchema"]): boolean {
  const properties = schema["properties"];
  if (!isJsonObject(properties)) return false;
  return Object.keys(properties).some((name) => /^(?:sql|command|cmd|code|script|shell|statement)$/i.test(name));
}

export type Judge = (tool: Pick<AgentTool, "server" | "name">, risk: Risk) => Verdict;

export function createJudge({ confirm, allow, ask, deny }: RiskRules): Judge {
  const allowed = allow.map(readPattern);
  const asked = ask.map(readPattern);
  const denied = deny.map(readPattern);
  return ({ server, name }, risk) => {
    const exact = `${server}/${name}`;
    // As the eye reads it, too: whoever forbids "delete_*" means every name that looks so.
    const spellings = [exact, `${server}/${readName(name)}`];
    const isAny = (patterns: readonly RegExp[]): boolean =>
      patterns.some((pattern) => spellings.some((spelling) => pattern.test(spelling)));
    if (isAny(denied)) return "deny";
    if (isAny(asked)) return "ask";
    if (allowed.some((pattern) => pattern.test(exact))) return "run";
    if (risk === "destructive") return confirm === "never" ? "run" : "ask";
    return risk === "write" && confirm === "writes" ? "ask" : "run";
  };
}

/** Without a slash it is a pattern of tools of any server. Case means nothing: no two tools should differ by it. */
function readPattern(pattern: string): RegExp {
  const whole = pattern.includes("/") || pattern === "*" ? pattern : `*/${pattern}`;
  const parts = whole.split("*").map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "is");
}
