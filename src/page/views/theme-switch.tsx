// As the system, light, dark: the next one with each press.

import { useState } from "preact/hooks";
import { nextTheme, readTheme, saveTheme, type Theme } from "../theme.ts";
import { IconButton, type IconName } from "./icons.tsx";

const themeIcons: Readonly<Record<Theme, IconName>> = { system: "system", light: "sun", dark: "moon" };
const themeNames: Readonly<Record<Theme, string>> = { system: "as the system", light: "light", dark: "dark" };

export function ThemeSwitch() {
  const [theme, setTheme] = useState(readTheme);
  return (
    <IconButton
      icon={themeIcons[theme]}
      label={`Colours: ${themeNames[theme]}`}
      onClick={() => {
        const next = nextTheme(theme);
        saveTheme(next);
        setTheme(next);
      }}
    />
  );
}
