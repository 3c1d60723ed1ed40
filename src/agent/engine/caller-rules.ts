// Rules of single callers beside those of all: what stands anywhere counts, and the stricter word wins.

import { createJudge, type Judge, type RiskRules } from "./risk.ts";

export interface CallerRules extends Partial<RiskRules> {
  /** Whether they are this caller's. */
  fits(caller: string): boolean;
}

export interface CallerJudge {
  /** Callers of one key are judged alike. */
  readonly key: string;
  readonly judge: Judge;
}

/** Sets of rules whose judge is kept. */
const mostJudges = 64;
const strictness: readonly RiskRules["confirm"][] = ["never", "destructive", "writes"];

/**
 * Lists add up, so that `deny` wins over `ask`, and that over `allow`, wherever they stand. Of `confirm` the caller's goes
 * before that of all; of several that fit the strictest.
 */
export function createJudges(common: RiskRules, perCaller: readonly CallerRules[]): (caller: string) => CallerJudge {
  const kept = new Map<string, CallerJudge>();
  return (caller) => {
    const fitting = perCaller.flatMap((rules, index) => (rules.fits(caller) ? [index] : []));
    const key = fitting.join(",");
    const known = kept.get(key);
    if (known !== undefined) return known;
    if (kept.size >= mostJudges) kept.clear();
    const judge = createJudge(
      joinRules(
        common,
        perCaller.filter((_, index) => fitting.includes(index)),
      ),
    );
    const created = { key, judge };
    kept.set(key, created);
    return created;
  };
}

function joinRules(common: RiskRules, own: readonly CallerRules[]): RiskRules {
  const join = (list: "allow" | "ask" | "deny"): readonly string[] => [
    ...common[list],
    ...own.flatMap((rules) => rules[list] ?? []),
  ];
  const ownConfirm = own.flatMap(({ confirm }) => confirm ?? []);
  const strictest = strictness.findLast((confirm) => ownConfirm.includes(confirm));
  return { confirm: strictest ?? common.confirm, allow: join("allow"), ask: join("ask"), deny: join("deny") };
}
