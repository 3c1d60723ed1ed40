// Shapes that several admin routes answer with. Times are ISO texts, durations milliseconds.

import { Type } from "typebox";

export const count = Type.Integer({ minimum: 0 });
export const nullable = <S extends Parameters<typeof Type.Union>[0][number]>(schema: S) =>
  Type.Union([schema, Type.Null()]);

export function isoTime(atMs: number | undefined): string | null {
  return atMs === undefined || !Number.isFinite(atMs) || atMs > 8.64e15 ? null : new Date(atMs).toISOString();
}
