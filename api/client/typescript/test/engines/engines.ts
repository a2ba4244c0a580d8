import { existsSync } from "node:fs";
import { FIREFOX, firefox } from "./firefox.js";
import type { Engine } from "./webdriver.js";
import { WEBKIT_DRIVER, webkit, XVFB } from "./webkit.js";

/**
 * The engines that the tests are run in, and what Debian calls what they need.
 *
 * farewell: what a tab sends as it closes arrives for certain. In Firefox it gets lost now and then, and the server's
 * timeout ends the session instead: docs/browser-engines.md.
 */
const ALL = [
  { name: "Firefox", start: firefox, farewell: false, needs: { "firefox-esr": FIREFOX } },
  {
    name: "WebKitGTK",
    start: webkit,
    farewell: true,
    needs: { "webkit2gtk-driver": WEBKIT_DRIVER, xvfb: XVFB },
  },
];

/** Those that ENGINES names, else all. Whoever runs these tests asks for them: what is missing fails them. */
export const engines = ALL.filter(({ name }) =>
  (process.env.ENGINES ?? name).toLowerCase().includes(name.toLowerCase()),
).map(({ name, start, farewell, needs }) => ({
  name,
  farewell,
  async start(): Promise<Engine> {
    const missing = Object.entries(needs).flatMap(([debian, path]) =>
      existsSync(path) ? [] : [`${path} (apt-get install ${debian})`],
    );
    if (missing.length) throw new Error(`${name} cannot be run here: no ${missing.join(", no ")}`);
    return start();
  },
}));
