// Two tools, a question that calls both at once, calls of them one after the other, and what the answers say.

import { z } from "zod";

export const citySchema = z.object({ city: z.string() });
export const zoneSchema = z.object({ zone: z.string() });

export const tellWeather = ({ city }: { city: string }) => `rain in ${city}`;
export const tellTime = ({ zone }: { zone: string }) => `noon in ${zone}`;

export const askBoth = "Call get_weather with city=Paris and get_time with zone=CET";
export const saysBoth = "get_weather says: rain in Paris\nget_time says: noon in CET";

/** Scripted, one after the other, by servers that would call both at once. */
export const callsInTurn = [
  { name: "get_weather", arguments: { city: "Paris" } },
  { name: "get_time", arguments: { zone: "CET" } },
];
export const saysLast = "get_time says: noon in CET";
