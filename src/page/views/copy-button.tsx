// Copies a text, and says so for a moment.

import { useState } from "preact/hooks";
import { copyText } from "./copy-text.ts";
import { IconButton } from "./icons.tsx";

const thanksMs = 1500;

export function CopyButton({ label, text }: { readonly label: string; readonly text: string }) {
  const [isCopied, setCopied] = useState(false);
  return (
    <IconButton
      icon={isCopied ? "check" : "copy"}
      label={isCopied ? "Copied" : label}
      onClick={() => {
        copyText(text).then(
          () => {
            setCopied(true);
            setTimeout(() => setCopied(false), thanksMs);
          },
          // It keeps its sign, which says enough.
          () => {},
        );
      }}
    />
  );
}
