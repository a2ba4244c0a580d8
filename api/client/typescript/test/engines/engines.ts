import { existsSync } from "node:fs";
import { FIREFOX, firefox } from "./firefox.js";
import type { Engine } from "./webdriver.js";
import { WEBKIT_DRIVER, webkit, XVFB } from "./webkit.js";

/** The engines that the tests are run in, and what Debian calls what they need. */
const ALL = [
  { name: "Firefox", start: firefox, needs: { "firefox-esr": FIREFOX } },
  { name: "WebKitGTK", start: webkit, needs: { "webkit2gtk-driver": WEBKIT_DRIVER, xvfb: XVFB } },
];

/** Those that ENGINES names, else all. Whoever runs these tests asks for them: what is missing fails them. */
export const engines = ALL.filter(({ name }) =>
  (process.env.ENGINES ?? name).toLowerCase().includes(name.toLowerCase()),
).map(({ name, start, needs }) => ({
  name,
  async start(): Promise<Engine> {
    const missing = Object.entries(needs).flatMap(([debian, path]) =>
      existsSync(path) ? [] : [`${path} (apt-get install ${debian})`],
    );
    if (missing.length) throw new Error(`${name} cannot be run here: no ${missing.join(", no ")}`);
    return start();
  },
}));
