// Dark or light: the system's wish, unless the person has said otherwise on this page.

export type Theme = "system" | "light" | "dark";

const storageKey = "qwen-gateway-theme";
const order: readonly Theme[] = ["system", "light", "dark"];

export function readTheme(): Theme {
  try {
    const stored = localStorage.getItem(storageKey);
    return order.find((theme) => theme === stored) ?? "system";
  } catch {
    // A browser that keeps nothing for us still follows the system.
    return "system";
  }
}

/** Shows a theme; the stylesheet does the rest. */
export function applyTheme(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}

export function saveTheme(theme: Theme): void {
  applyTheme(theme);
  try {
    if (theme === "system") localStorage.removeItem(storageKey);
    else localStorage.setItem(storageKey, theme);
  } catch {
    // It holds until the page is left.
  }
}

export function nextTheme(theme: Theme): Theme {
  return order[(order.indexOf(theme) + 1) % order.length] ?? "system";
}
