import type { Browser } from "./browser.js";

const KEY = "rollcall.session";

/**
 * The session of this browser: one for all its tabs and for every load of a page, so that neither a reload nor a second
 * tab is a new device. Where nothing can be stored it lasts as long as the page.
 */
export function sessionOf(browser: Browser): string {
  try {
    const known = browser.storage?.getItem(KEY);
    if (known) return known;
  } catch {}
  let id = "web-";
  while (id.length < 20) id += Math.floor(browser.random() * 36).toString(36);
  try {
    browser.storage?.setItem(KEY, id);
  } catch {}
  return id;
}
