// Shapes that several admin routes answer with. Times are ISO texts, durations milliseconds.

import { Type } from "typebox";

export const count = Type.Integer({ minimum: 0 });
export const nullable = <S extends Parameters<typeof Type.Union>[0][number]>(schema: S) =>
  Type.Union([schema, Type.Null()]);
