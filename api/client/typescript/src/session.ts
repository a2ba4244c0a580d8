import type { Browser } from "./browser.js";

/** What the pages of this browser leave for each other, after leaving value there; nothing where storage is blocked. */
export function stored(
  browser: Browser,
  name: "session" | "logout",
  value?: string,
): string | null | undefined {
  const key = `rollcall.${name}`;
  try {
    const { storage } = browser;
    if (value) storage?.setItem(key, value);
    return storage?.getItem(key);
  } catch {
    return null;
  }
}

/**
 * The session of this browser: one for all its tabs and for every load of a page, so that neither a reload nor a second
 * tab is a new device. Where nothing can be stored it lasts as long as the page.
 */
export function sessionOf(browser: Browser): string {
  let id = "web-";
  while (id.length < 20) id += Math.floor(browser.random() * 36).toString(36);
  return stored(browser, "session") || stored(browser, "session", id) || id;
}
