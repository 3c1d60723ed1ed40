// The way to images, whose making is loaded with the first that somebody wants: most gateways never draw.

import type { Forwarding } from "../../../contract/forward.ts";
import type { ImagesOptions } from "./images.ts";

export function createImageForwarding(options: ImagesOptions): Forwarding {
  let images: Forwarding["forward"] | undefined;
  return {
    serves: (endpoint) => endpoint === "images/generations",
    async forward(wanted, context) {
      const { createImages } = await import("./images.ts");
      images ??= createImages(options);
      return images(wanted, context);
    },
  };
}
