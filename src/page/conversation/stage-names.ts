// The steps of an answer in words: while they are being done, and when they are done. Steps of a pipeline of one's own keep
// the name that they have there.

export interface StageNames {
  readonly underway: string;
  readonly done: string;
}

const names: Readonly<Record<string, StageNames>> = {
  query_analysis: { underway: "Reading the question", done: "Question" },
  retrieval: { underway: "Searching documents", done: "Documents" },
  generation: { underway: "Writing the answer", done: "Answer" },
  quality: { underway: "Checking the answer", done: "Check" },
  follow_ups: { underway: "Thinking of follow-ups", done: "Follow-ups" },
};

export function stageNames(stage: string): StageNames {
  const name = stage.replaceAll("_", " ");
  return names[stage] ?? { underway: name, done: name };
}
