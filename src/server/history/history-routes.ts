// The routes of the history: listed and searched, looked at, deleted and exported. Each caller has his own alone.

import { createHistoryAnswers, type HistoryAccess, type HistoryAnswersOptions } from "./history-answers.ts";
import { pathRest, queryOf, type ServerRoute, type Trip } from "../trip.ts";

export interface HistoryRoutesOptions extends HistoryAccess, Omit<HistoryAnswersOptions, "describe"> {}

const path = "/v1/history";
const prefix = `${path}/`;

export function historyRoutes(options: HistoryRoutesOptions): ServerRoute[] {
  const answers = createHistoryAnswers(options);
  const idOf = (trip: Trip): string => pathRest(trip, prefix) ?? "";
  return [
    {
      method: "GET",
      path,
      answer: (trip) => answers.list(questionOf(trip), { kept: options.keptOf(trip.caller) }),
    },
    { method: "DELETE", path, answer: async (trip) => (await answers.removeAll(questionOf(trip))).response },
    { method: "GET", path: `${path}/export`, answer: (trip) => answers.export(questionOf(trip)) },
    { method: "GET", path: `${path}/*`, answer: (trip) => answers.read(trip.caller, idOf(trip)) },
    { method: "DELETE", path: `${path}/*`, answer: (trip) => answers.remove(trip.caller, idOf(trip)) },
  ];
}

function questionOf({ request, caller }: Trip) {
  return { request, scope: caller, query: queryOf(request) };
}
