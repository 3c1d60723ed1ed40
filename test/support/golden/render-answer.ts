// An answer of the gateway as text to be reviewed: a frame a line. What all frames of one stream share stands once, above
// them; ids and times are named by their order. Whatever is left out is held by the checkers.

import { Problems } from "../checkers/problems.ts";
import { readWire, type WireFrame } from "../checkers/wire-frames.ts";

type Fields = Readonly<Record<string, unknown>>;

export function renderStream(body: string): string {
  const frames = readWire(body, new Problems());
  const envelope = envelopeOf(frames);
  const lines = frames.map((frame, index) => renderFrame(frame, index, envelope));
  const head = Object.keys(envelope).length === 0 ? [] : [`all: ${JSON.stringify(envelope)}`];
  return nameIds([...head, ...lines].join("\n"));
}

export function renderWhole(text: string): string {
  // The shape is what is reviewed.
  const value = JSON.parse(text) as Fields;
  return nameIds(JSON.stringify(value["object"] === "response" ? shortResponse(value) : value));
}

const envelopeFields = ["id", "object", "created", "model"] as const;

/** What chunks repeat. */
function envelopeOf(frames: readonly WireFrame[]): Fields {
  const first = fieldsOf(frames[0]);
  if (!Array.isArray(first["choices"])) return {};
  return Object.fromEntries(envelopeFields.map((field) => [field, first[field]]));
}

function renderFrame(frame: WireFrame, index: number, envelope: Fields): string {
  if (frame.json === undefined) return frame.data;
  const fields: Record<string, unknown> = { ...fieldsOf(frame) };
  for (const [field, value] of Object.entries(envelope)) if (fields[field] === value) delete fields[field];
  if (fields["type"] === frame.event) delete fields["type"];
  if (fields["sequence_number"] === index) delete fields["sequence_number"];
  if (typeof fields["response"] === "object") fields["response"] = shortResponse(fieldsIn(fields["response"]));
  return `${frame.event === undefined ? "" : `${frame.event}: `}${JSON.stringify(fields)}`;
}

/** Without what it repeats of its request. */
function shortResponse(response: Fields): Fields {
  const told = ["id", "status", "error", "incomplete_details", "model", "output", "usage"];
  return Object.fromEntries(told.map((field) => [field, response[field]]));
}

function fieldsOf(frame: WireFrame | undefined): Fields {
  return fieldsIn(frame?.json);
}

/** Frames are objects; anything else shows as one without fields. */
function fieldsIn(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

/** Random ones alone, in the order in which they come: what is equal stays equal. */
function nameIds(text: string): string {
  const names = new Map<string, string>();
  const nameOf = (id: string, kind: string): string => {
    const name =
      names.get(id) ?? `<${kind} ${[...names.values()].filter((known) => known.startsWith(`<${kind}`)).length + 1}>`;
    names.set(id, name);
    return name;
  };
  return text
    .replaceAll(/"signature":"[^"]+"/g, '"signature":"<signature>"')
    .replaceAll(/req_\w+/g, "<request id>")
    .replaceAll(/(?<=(?:resp|rs|msg|fc|chatcmpl|cmpl)[_-])[0-9a-f]{32}/g, (id) => nameOf(id, "id"))
    .replaceAll(/(?<=call_)(?:[0-9a-f]{32}|[0-9a-f]{24})\b/g, (id) => nameOf(id, "call"));
}
