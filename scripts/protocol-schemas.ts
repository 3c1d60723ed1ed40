// The events of the two streams as JSON schema in Markdown, out of the schemas in src/.

import type { TSchema } from "typebox";
import { doneSchema, errorSchema, progressSchema } from "../src/agent/event-schemas.ts";
import { eventSchema } from "../src/pipeline/event-schemas.ts";

export interface ProtocolDocument {
  /** Relative to the project. */
  readonly path: string;
  readonly schemas: Readonly<Record<string, TSchema>>;
}

export const protocolDocuments: readonly ProtocolDocument[] = [
  { path: "docs/protocol-typed-chat.md", schemas: { "Data of a frame": eventSchema } },
  {
    path: "docs/protocol-agent.md",
    schemas: { progress: progressSchema, error: errorSchema, done: doneSchema },
  },
];

export function schemasAsMarkdown(schemas: ProtocolDocument["schemas"]): string {
  return Object.entries(schemas)
    .map(([name, schema]) => `\`${name}\`:\n\n\`\`\`json\n${JSON.stringify(schema, null, 2)}\n\`\`\``)
    .join("\n\n");
}

/** What stands between the marks of a document. @throws when it has none */
export function writtenSchemas(text: string): string {
  const [, written] = text.split(/<!-- \/?schemas -->\n?/);
  if (written === undefined) throw new Error("The document has no <!-- schemas --> marks");
  return written.trim();
}
