// GET /chat, the chat page, and GET /, the status page, with what belongs to them. What they ask for afterwards wants a key.

import { nothingHere } from "../nothing-here.ts";
import { chatPage, chatPathWithSlash, statusPage, wantsPage } from "./page-file.ts";
import { createPageAnswer, type LoadPage, permissionsPolicy } from "./serve-page.ts";
import type { ServerRoute } from "../trip.ts";

/**
 * @param load how the files come. @defaultValue out of the executable, or bundled anew without one
 * @param hears whether the page may use the microphone. @defaultValue never
 */
export function pageRoutes(load?: LoadPage, hears: () => boolean = () => false): ServerRoute[] {
  const answer = createPageAnswer(chatPage, {
    load,
    // Pictures may also stand in the page itself: what a person attaches. Text becomes a document in one place alone, the
    // sanitizer.
    policy: ["img-src 'self' data: blob:", "trusted-types dompurify"],
    permissions: () => permissionsPolicy(hears() ? "page" : "nobody"),
  });
  return [
    { method: "GET", path: chatPage.path, answer },
    { method: "GET", path: `${chatPage.assetsPath}*`, answer },
    {
      method: "GET",
      path: chatPathWithSlash,
      answer: () => new Response(null, { status: 308, headers: { location: "../chat" } }),
    },
  ];
}

/** @param load how the files come. @defaultValue out of the executable, or bundled anew without one */
export function statusPageRoutes(load?: LoadPage): ServerRoute[] {
  const answer = createPageAnswer(statusPage, {
    load,
    // Its icon alone; and nothing of it is ever made of text.
    policy: ["img-src data:", "trusted-types 'none'"],
    permissions: () => permissionsPolicy("nobody"),
    vary: "accept",
  });
  return [
    {
      method: "GET",
      path: statusPage.path,
      hidesMethods: true,
      answer(trip) {
        if (!wantsPage(trip.request)) throw nothingHere(trip);
        return answer(trip);
      },
    },
    { method: "GET", path: `${statusPage.assetsPath}*`, answer },
  ];
}
