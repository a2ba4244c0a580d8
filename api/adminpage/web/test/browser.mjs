// A real Chromium: Debian's, or the one that CHROMIUM names.
import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'

const places = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].filter(Boolean)

/** missing says why there is nothing to test with, or is false. CI installs Chromium, so there it is never an excuse. */
export function missing() {
  if (places.some(existsSync)) return false
  const why = 'no Chromium here: install Debian\'s package chromium, or set CHROMIUM to the path of one'
  if (process.env.CI) throw new Error(why)
  return why
}

/** launch starts the browser. Who calls it closes it. */
export const launch = () => chromium.launch({ executablePath: places.find(existsSync), args: ['--no-sandbox', '--disable-dev-shm-usage'] })

/**
 * visit opens a page that keeps what went wrong in it: refusals by the content security policy, errors, and requests to
 * anybody but the node.
 */
export async function visit(browser, node, options = {}) {
  const context = await browser.newContext({ baseURL: node.url, locale: 'en-GB', timezoneId: 'UTC', ...options })
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  const page = await context.newPage()
  const wrong = []
  page.on('pageerror', (err) => wrong.push(String(err)))
  page.on('console', (m) => {
    // A refused call is told on the console as well; the page says it in words.
    if (m.type() === 'error' && !m.text().startsWith('Failed to load resource')) wrong.push(m.text())
  })
  page.on('request', (r) => {
    if (!r.url().startsWith(node.url) && !r.url().startsWith('data:')) wrong.push(`a request to ${r.url()}`)
  })
  return { page, wrong, context }
}

/** signedIn opens the page with a link that carries a token. */
export async function signedIn(browser, node, token, options) {
  const visitor = await visit(browser, node, options)
  await visitor.page.goto(`/admin/#token=${token}`)
  await visitor.page.getByRole('button', { name: 'Sign out' }).waitFor()
  return visitor
}
