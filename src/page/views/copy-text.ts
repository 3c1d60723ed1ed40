// A text to the clipboard, also where the page is neither local nor encrypted: there browsers have the old way alone.

export async function copyText(text: string): Promise<void> {
  // Missing there, whatever its type says.
  const clipboard = navigator.clipboard as Clipboard | undefined;
  if (clipboard !== undefined) return clipboard.writeText(text);
  const before = document.activeElement;
  const field = document.createElement("textarea");
  field.className = "unseen";
  field.value = text;
  document.body.append(field);
  field.select();
  const isCopied = document.execCommand("copy");
  field.remove();
  if (before instanceof HTMLElement) before.focus();
  if (!isCopied) throw new Error("Cannot copy: the browser does not let this page");
}
