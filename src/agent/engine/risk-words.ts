// Which words of a tool's name say what it does. Verbs of English, since that is what tools are named in.

/** From harmless to what cannot be undone. `change` overwrites: destructive unless the server says that it only adds. */
export type NamedClass = "read" | "add" | "change" | "destroy";

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

const reading = words(`
  get list read search find fetch show query describe view count check lookup look browse summarize summarise explain
  preview compare calculate compute convert translate echo ping validate verify inspect analyze analyse suggest
  recommend retrieve detect parse extract measure estimate forecast diff stat who whoami think trace
`);
/** Things that are read when no verb says otherwise: "server_status". */
const readable = words(
  "status info information tail head exists has is what help version health tree sum weather time",
);
const adding = words(
  "create add insert append new make schedule upload register draft log record generate plan remember",
);
const changing = words(`
  update edit set modify move rename write put replace patch change save upsert configure enable disable
  assign unassign toggle mark restore rollback revert sync import copy resize archive unarchive start
`);
/** They destroy wherever they stand: nobody names a thing so. */
const destroying = words(`
  delete remove drop purge wipe erase destroy truncate kill terminate uninstall revoke uproot unlink rm rmdir del
  cancel send pay purchase buy refund publish deploy execute exec eval sudo withdraw submit dismiss unsubscribe
  shutdown reboot overwrite unpublish ban evict expire nuke format flush clear reset payment
`);
/** They destroy as verbs, and are things as well: after a reading verb they are what is read. */
const ambiguous = words(`
  email mail message sms tweet post order transfer charge call run invite notify reply forward share book trade sell
  transaction checkout merge push force close stop block lock release script shell command broadcast dial
  subscribe approve sign vote donate tip bid
`);
/** What adding verbs make and what then is out in the world. */
const sentThings = new Set(
  words("email mail message sms tweet order payment transfer transaction charge call broadcast"),
);

const classByWord = new Map<string, NamedClass>([
  ...reading.map((word) => [word, "read"] as const),
  ...adding.map((word) => [word, "add"] as const),
  ...changing.map((word) => [word, "change"] as const),
  ...ambiguous.map((word) => [word, "destroy"] as const),
  ...destroying.map((word) => [word, "destroy"] as const),
]);
const alwaysDestroying = new Set(destroying);
const readableThings = new Set(readable);
/** Words that change something in whichever place: "search_and_replace". */
const alwaysChanging = new Set(words("update replace overwrite modify write edit rename upsert"));

/** @returns undefined when no word of the name says it */
export function classOfWords(name: readonly string[]): NamedClass | undefined {
  const [part, rest] = firstPart(name);
  const [named, others] = [classOfPart(part), rest.length === 0 ? undefined : classOfWords(rest)];
  if (named === undefined || others === undefined) return named ?? others;
  return severity.indexOf(named) >= severity.indexOf(others) ? named : others;
}

const severity: readonly NamedClass[] = ["read", "add", "change", "destroy"];

/** "check_and_post" does two things. */
function firstPart(name: readonly string[]): [part: readonly string[], rest: readonly string[]] {
  const joint = name.findIndex((word) => /^(?:and|or|then)$/.test(word));
  return joint < 0 ? [name, []] : [name.slice(0, joint), name.slice(joint + 1)];
}

function classOfPart(part: readonly string[]): NamedClass | undefined {
  if (part.some((word) => alwaysDestroying.has(word))) return "destroy";
  const verb = part.map((word) => classByWord.get(word)).find((named) => named !== undefined);
  if (verb === "destroy") return "destroy";
  if (part.some((word) => alwaysChanging.has(word))) return "change";
  if (verb === "add" && part.some((word) => sentThings.has(word))) return "destroy";
  return verb ?? (part.some((word) => readableThings.has(word)) ? "read" : undefined);
}

/** What it does, said of a tool in the third person or as an order at the beginning of a sentence. */
const harm =
  "delete|remove|erase|overwrite|destroy|wipe|purge|drop|send|pay|charge|purchase|cancel|publish|deploy|execute|terminate|transfer|email|replace|reset|truncate|revoke";
const harmfulDescription = new RegExp(
  `\\b(?:${harm.replaceAll("|", "s|")}s)\\b|(?:^|[.!?;:]\\s*|\\b(?:and|or|then|to|can|will|may)\\s+)(?:${harm})\\b` +
    "|\\b(?:permanent|permanently|irreversible|irreversibly|destructive)\\b|\\b(?:cannot|can't|can not) be undone\\b",
  "i",
);

export function describesHarm(description: string): boolean {
  return harmfulDescription.test(description.normalize("NFKC"));
}

/** White space, marks and a first word are not longer. */
const maxFirstChars = 200;

/** What the first verb of a description says: "Returns the weather". Only the beginning: what follows is about the thing. */
export function classOfDescription(description: string): NamedClass | undefined {
  const first =
    description
      .slice(0, maxFirstChars)
      .normalize("NFKC")
      .toLowerCase()
      .match(/\p{L}+/u)?.[0] ?? "";
  if (/^returns?$|^provides?$|^displays?$|^lists?$/.test(first)) return "read";
  return (
    classByWord.get(first) ?? classByWord.get(first.replace(/s$/, "")) ?? classByWord.get(first.replace(/es$/, ""))
  );
}
