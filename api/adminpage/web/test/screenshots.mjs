// Takes the pictures of the page that the documentation shows. The users in them are made up.
import { launch, signedIn, visit } from './browser.mjs'
import { start } from './node.mjs'

const target = new URL('../../../../docs/images/', import.meta.url).pathname
const names = 'ada alan barbara bjarne brian claude dennis donald edsger frances grace guido hedy jean john joan karen katherine ken leslie linus margaret niklaus radia rob robin shafi sophie tim tony'.split(' ')
const hour = 3_600_000

// random is the same at each run.
let seed = 7
const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647

/** month returns thirty days of comings and goings, more of them by day than by night. */
function month() {
  const rows = []
  const now = Date.now()
  for (const user of names)
    for (let day = 30; day >= 0; day--) {
      if (random() < 0.2) continue
      const midnight = Math.floor(now / (24 * hour)) * 24 * hour - day * 24 * hour
      let at = midnight + (7 + random() * 3) * hour
      for (let n = 0; n < 3; n++) {
        const end = at + (1 + random() * 3) * hour
        if (end > now - 600_000) break
        rows.push([at, user, 'login'], [end, user, 'logout'])
        at = end + (0.2 + random()) * hour
      }
    }
  rows.sort((a, b) => a[0] - b[0])
  return 'at,user,event\n' + rows.map(([at, user, event]) => `${new Date(at).toISOString()},${user},${event}\n`).join('')
}

const node = await start({ events: month() })
const browser = await launch()
try {
  const send = (more) => node.call(node.service, 'POST', '/v1/events', more)
  for (const [n, user] of names.entries()) {
    if (n % 4 === 3) continue
    await send({ type: 'login', user, session: 'web-1', device: n % 3 ? 'Firefox on Linux' : 'Chrome on Android' })
    if (n % 5 === 1) await send({ type: 'heartbeat', user, session: 'web-1', idle: true })
  }
  await send({ type: 'login', user: 'grace', session: 'phone', device: 'Safari on iOS' })
  for (const user of ['grace', 'rob']) await node.call(node.admin, 'PUT', `/v1/users/${user}/override`, { status: 'busy', reason: 'on call', for: '8h' })

  const desktop = { viewport: { width: 1120, height: 760 } }
  const phone = { viewport: { width: 390, height: 780 }, isMobile: true, hasTouch: true }
  const shoot = async (page, name) => {
    await page.mouse.move(0, 0)
    await page.screenshot({ path: `${target}admin-${name}.png`, animations: 'disabled' })
  }

  const out = await visit(browser, node, desktop)
  await out.page.goto('/admin/')
  await out.page.getByLabel('Token').waitFor()
  await shoot(out.page, 'sign-in')

  const { page } = await signedIn(browser, node, node.admin, desktop)
  await page.getByRole('link', { name: 'ada', exact: true }).waitFor()
  await shoot(page, 'users')
  await user(page)
  await page.screenshot({ path: `${target}admin-user.png`, animations: 'disabled' })
  await page.goto('/admin/#/concurrency')
  await page.getByRole('button', { name: '7 days' }).click()
  await page.getByText('in the last 7 days').waitFor()
  await page.locator('.u-legend').waitFor()
  await shoot(page, 'concurrency')
  await page.goto('/admin/#/audit')
  await page.locator('tbody tr').first().waitFor()
  await shoot(page, 'audit')
  await page.goto('/admin/#/health')
  await page.locator('tbody tr').first().waitFor()
  await shoot(page, 'health')

  const dark = await signedIn(browser, node, node.admin, { ...desktop, colorScheme: 'dark' })
  await user(dark.page)
  await dark.page.screenshot({ path: `${target}admin-dark.png`, animations: 'disabled' })

  const small = await signedIn(browser, node, node.admin, phone)
  await small.page.getByRole('link', { name: 'ada', exact: true }).waitFor()
  await shoot(small.page, 'phone')

  // user shows grace, with the pointer on one of her intervals.
  async function user(page) {
    await page.setViewportSize({ width: 1120, height: 860 })
    await page.goto('/admin/#/user/grace')
    await page.getByRole('button', { name: '7 days' }).click()
    await page.getByText('of the last 7 days').waitFor()
    const bars = page.locator('.picture .bar.online')
    await bars.nth(3).hover()
    await page.locator('.tip').waitFor()
  }
} finally {
  await browser.close()
  await node.stop()
}
