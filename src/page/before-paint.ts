// Runs before the first paint, so that a dark page does not begin with a white flash. An entry of its own.

import { applyTheme, readTheme } from "./theme.ts";

applyTheme(readTheme());
