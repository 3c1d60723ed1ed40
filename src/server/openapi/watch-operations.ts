// Health, metrics, the page, the log and this very document, in the OpenAPI document.

import { Type } from "typebox";
import { anyObject, frames, json, type Operation } from "./operation.ts";

const ok = Type.Object({ status: Type.Literal("ok") });
const readiness = Type.Object({
  status: Type.Enum(["ok", "degraded", "not-ready"]),
  reasons: Type.Optional(Type.Array(Type.String())),
});

const health: readonly Operation[] = [
  {
    method: "GET",
    path: "/health",
    tag: "health",
    summary: "That it runs, since when, and what serves",
    isOpen: true,
    answers: {
      200: json(
        "It runs",
        Type.Object({
          status: Type.Literal("ok"),
          version: Type.String(),
          uptimeSeconds: Type.Integer(),
          openReplies: Type.Integer(),
          /** Of several workers the one that answers. */
          worker: Type.Optional(Type.Integer()),
          upstreams: Type.Array(Type.String()),
        }),
      ),
    },
  },
  {
    method: "GET",
    path: "/health/live",
    tag: "health",
    summary: "That it runs",
    isOpen: true,
    answers: { 200: json("It runs", ok) },
  },
  {
    method: "GET",
    path: "/health/ready",
    tag: "health",
    summary: "Whether requests are welcome",
    isOpen: true,
    answers: { 200: json("They are", readiness), 503: json("They are not", readiness) },
  },
  {
    method: "GET",
    path: "/health/detailed",
    tag: "health",
    summary: "Upstreams, accounts, memory, settings; without secrets",
    answers: {
      200: json("How it is", Type.Object({ ...readiness.properties, version: Type.String(), config: anyObject })),
    },
  },
  {
    method: "GET",
    path: "/metrics",
    tag: "health",
    summary: "Figures for Prometheus",
    answers: { 200: { description: "The figures", content: { "text/plain": Type.String() } } },
  },
];

const notModified = { description: "It is as the client has it" };
const nothing = json("Whoever does not accept it finds nothing here", Type.Ref("#/components/schemas/Error"));

const page: readonly Operation[] = [
  {
    method: "GET",
    path: "/chat",
    tag: "page",
    summary: "The chat page",
    isOpen: true,
    answers: { 200: { description: "The page", content: { "text/html": Type.String() } }, 304: notModified },
  },
  {
    method: "GET",
    path: "/chat/",
    tag: "page",
    summary: "Leads to it",
    isOpen: true,
    answers: { 308: { description: "To /chat" } },
  },
  {
    method: "GET",
    path: "/chat/assets/{name}",
    tag: "page",
    summary: "What belongs to it",
    isOpen: true,
    answers: { 200: { description: "The file", content: { "*/*": Type.Unknown() } }, 304: notModified },
  },
];

const statusPage: readonly Operation[] = [
  {
    method: "GET",
    path: "/",
    tag: "page",
    summary: "The status page, for whoever accepts text/html",
    isOpen: true,
    answers: {
      200: { description: "The page", content: { "text/html": Type.String() } },
      304: notModified,
      401: nothing,
      404: nothing,
    },
  },
  {
    method: "GET",
    path: "/status/assets/{name}",
    tag: "page",
    summary: "What belongs to it",
    isOpen: true,
    answers: { 200: { description: "The file", content: { "*/*": Type.Unknown() } }, 304: notModified },
  },
];

const others: readonly Operation[] = [
  {
    method: "GET",
    path: "/admin/api/log",
    tag: "admin",
    summary: "The lines of the log as they are written",
    answers: { 200: { description: "Until it is closed", content: { "text/event-stream": frames } } },
  },
  {
    method: "GET",
    path: "/openapi.json",
    tag: "health",
    summary: "This document",
    answers: { 200: json("OpenAPI 3.1", Type.Object({ openapi: Type.String(), info: anyObject, paths: anyObject })) },
  },
];

export const watchOperations: readonly Operation[] = [...health, ...page, ...statusPage, ...others];
