// Copies a text, and says so for a moment.

import { useState } from "preact/hooks";
import { IconButton } from "./icons.tsx";

const thanksMs = 1500;

export function CopyButton({ label, text }: { readonly label: string; readonly text: string }) {
  const [isCopied, setCopied] = useState(false);
  return (
    <IconButton
      icon={isCopied ? "check" : "copy"}
      label={isCopied ? "Copied" : label}
      onClick={() => {
        void navigator.clipboard.writeText(text).then(() => {
          setCopied(true);
          setTimeout(() => setCopied(false), thanksMs);
        });
      }}
    />
  );
}
