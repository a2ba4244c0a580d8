import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { after, before, describe, test } from 'node:test'
import { launch, missing, signedIn, visit } from './browser.mjs'
import { start, until } from './node.mjs'

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const hour = 3_600_000
const at = (ago) => new Date(Date.now() - ago).toISOString()
const nasty = '<img src=x onerror="window.broken=1">'

describe('the admin page', { skip: missing(), timeout: 240_000 }, () => {
  let node, browser

  before(async () => {
    node = await start({ events: `at,user,event\n${at(6 * hour)},paula,login\n${at(3 * hour)},paula,logout\n` })
    browser = await launch()
  })
  after(async () => {
    await browser?.close()
    await node?.stop()
  })

  // opened is a page that is signed in, closed with the test; nothing may have gone wrong in it by then.
  async function opened(t, token = node.admin, options) {
    const visitor = await signedIn(browser, node, token, options)
    t.after(async () => {
      await visitor.context.close()
      assert.deepEqual(visitor.wrong, [])
    })
    return visitor.page
  }
  const send = (type, user, more) => node.call(node.service, 'POST', '/v1/events', { type, user, ...more })
  const row = (page, user) => page.getByRole('row').filter({ has: page.getByRole('link', { name: user, exact: true }) })

  test('signs in with a token that is typed, and says what is wrong with a bad one', async (t) => {
    const { page, wrong, context } = await visit(browser, node)
    t.after(() => context.close())
    await page.goto('/admin')
    assert.match(page.url(), /\/admin\/$/)
    await page.getByLabel('Token').fill('nonsense')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('The service does not accept this token.').waitFor()
    await page.getByLabel('Token').fill(`Bearer ${node.admin.slice(0, 40)} ${node.admin.slice(40)} `)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Users' }).waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('Token').fill(node.admin.slice(0, 20) + '…')
    await page.keyboard.press('Enter')
    await page.getByText('The service does not accept this token.').waitFor()
    await page.getByLabel('Token').fill(node.admin)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Users' }).waitFor()
    await page.reload()
    await page.getByRole('heading', { name: 'Users' }).waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByText('You are signed out.').waitFor()
    await page.reload()
    await page.getByLabel('Token').waitFor()
    assert.deepEqual(wrong, [])
  })

  test('shows itself where the browser names a language that is none', async (t) => {
    const { page, wrong, context } = await visit(browser, node)
    t.after(() => context.close())
    await page.addInitScript(() => Object.defineProperty(Navigator.prototype, 'language', { get: () => 'C' }))
    await page.goto(`/admin/#token=${node.admin}`)
    await page.getByRole('heading', { name: 'Users' }).waitFor()
    await page.goto('/admin/#/concurrency')
    await page.locator('.u-legend').waitFor()
    assert.deepEqual(wrong, [])
  })

  test('takes the token of a link out of the address, and keeps it nowhere', async (t) => {
    const page = await opened(t)
    assert.equal(page.url(), `${node.url}/admin/`)
    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, history.state]))
    assert.equal(kept, '[{},{},"",null]')
    await page.goBack().catch(() => {})
    assert.ok(!page.url().includes('token'))
  })

  test('asks before the token of a link takes the place of a session', async (t) => {
    const page = await opened(t)
    const link = `/admin/#token=${await node.token('mallory')}`
    await page.goto(link)
    await page.getByText('You are signed in already.').waitFor()
    assert.ok(!page.url().includes('token'))
    await page.getByRole('button', { name: 'Stay signed in as I am' }).click()
    await page.getByRole('heading', { name: 'Users' }).waitFor()
    await page.goto(link)
    await page.getByRole('button', { name: 'Sign in with the link' }).click()
    await page.getByRole('link', { name: 'You', exact: true }).waitFor()
  })

  test('shows a user who comes, and one who goes, without being asked', async (t) => {
    const page = await opened(t)
    await page.locator('.link.live').waitFor()
    assert.equal(await row(page, 'alice').count(), 0)
    await send('login', 'alice')
    await row(page, 'alice').getByText('online').waitFor()
    await send('logout', 'alice')
    await row(page, 'alice').waitFor({ state: 'detached' })
    await page.getByRole('button', { name: /^Offline/ }).click()
    await row(page, 'alice').getByText('offline').waitFor()
    await row(page, 'paula').getByText('offline').waitFor()
  })

  test('an override set on one page shows on another', async (t) => {
    await send('login', 'bob', { session: 'web-1', device: 'Firefox' })
    const one = await opened(t)
    const other = await opened(t)
    await row(other, 'bob').getByText('online').waitFor()
    await row(one, 'bob').click()
    await one.getByRole('cell', { name: 'web-1', exact: true }).waitFor()
    await one.getByLabel('Status').selectOption('busy')
    await one.getByLabel('Reason').fill('on call')
    await one.getByLabel('Expiry').selectOption('1h')
    await one.getByRole('button', { name: 'Set the override', exact: true }).click()
    await one.locator('.override').getByText('on call').waitFor()
    await row(other, 'bob').getByText('busy').waitFor()
    await other.goto('/admin/#/user/bob')
    await other.locator('.override').getByText('root').waitFor()
    await one.getByRole('button', { name: 'Clear the override', exact: true }).click()
    await other.getByText('None: the status is the observed one.').waitFor()
    await other.getByRole('cell', { name: 'override', exact: true }).first().waitFor()
  })

  test('refuses an override in the words of the service', async (t) => {
    await send('login', 'carl')
    const page = await opened(t)
    await page.goto('/admin/#/user/carl')
    await page.getByLabel('Expiry').selectOption('until')
    await page.getByLabel('Time', { exact: true }).fill('2020-01-01T00:00')
    await page.getByRole('button', { name: 'Set the override', exact: true }).click()
    await page.getByText('an RFC 3339 time in the future').waitFor()
  })

  test('the timeline shows a real interval, and its cause to the pointer and to the keyboard', async (t) => {
    const page = await opened(t)
    await page.goto('/admin/#/user/paula')
    const picture = page.getByRole('application')
    await picture.locator('.bar.online').waitFor()
    const bar = await picture.locator('.bar.online').boundingBox()
    const whole = await picture.boundingBox()
    assert.ok(Math.abs(bar.width / whole.width - 3 / 24) < 0.01, `three of 24 hours are ${bar.width} of ${whole.width}`)
    await page.mouse.move(bar.x + bar.width / 2, bar.y + bar.height / 2)
    await page.locator('.tip').getByText('online for 3 h: logged in').waitFor()
    await page.mouse.move(0, 0)
    await picture.focus()
    await page.keyboard.press('End')
    await page.locator('.tip').getByText('logged out').waitFor()
    await page.keyboard.press('ArrowLeft')
    await page.locator('.tip').getByText('logged in').waitFor()
    await page.getByText('Online for 3 h of the last 24 hours.').waitFor()
    await page.getByRole('button', { name: '7 days' }).click()
    await page.getByText('Online for 3 h of the last 7 days.').waitFor()
  })

  test('the timeline tells its causes to a finger too', async (t) => {
    const page = await opened(t, node.admin, { viewport: { width: 375, height: 740 }, hasTouch: true, isMobile: true })
    await page.goto('/admin/#/user/paula')
    await page.locator('.bar.online').tap()
    await page.locator('.tip').getByText('online for 3 h: logged in').waitFor()
    const { x, width } = await page.locator('.tip').boundingBox()
    assert.ok(x >= 0 && x + width <= 375, `what is told stands at ${x} and is ${width} wide`)
  })

  test('ends with its token, and says so', async (t) => {
    const page = await opened(t, await node.token('root', '--role', 'admin', '--ttl', '6s'))
    await page.getByText('Your session has ended. Sign in again to go on.').waitFor({ timeout: 30_000 })
    await page.getByLabel('Token').waitFor()
  })

  test('copies every row as curl that a shell runs', async (t) => {
    await send('login', "d'arcy $HOME")
    const page = await opened(t)
    await row(page, "d'arcy $HOME").getByRole('button', { name: 'Copy as curl' }).click()
    const command = await page.evaluate(() => navigator.clipboard.readText())
    assert.equal(command, `curl -sS -H "Authorization: Bearer $ROLLCALL_TOKEN" '${node.url}/v1/users/d'\\''arcy%20%24HOME'`)
    for (const view of ['user/paula', 'concurrency', 'audit', 'health']) {
      await page.goto(`/admin/#/${view}`)
      await page.locator('.wide tbody tr').first().waitFor({ state: 'attached' })
      await until(`each row of ${view} has a button`, () =>
        page.evaluate(() => [...document.querySelectorAll('.wide tbody tr')].every((tr) => tr.querySelector('.copy'))),
      )
    }
  })

  test('what users and admins write is text, never markup', async (t) => {
    await send('login', nasty, { session: nasty, device: nasty })
    await node.call(node.admin, 'PUT', `/v1/users/${encodeURIComponent(nasty)}/override`, { status: 'busy', reason: nasty })
    const page = await opened(t)
    await row(page, nasty).waitFor()
    await row(page, nasty).getByRole('link').click()
    await page.locator('.override q').getByText(nasty).waitFor()
    await page.getByRole('cell', { name: nasty }).first().waitFor()
    await page.goto('/admin/#/audit')
    await page.getByRole('cell', { name: nasty }).first().waitFor()
    assert.equal(await page.evaluate(() => document.querySelectorAll('img').length + (window.broken ?? 0)), 0)
  })

  test('can be used with the keyboard alone', async (t) => {
    await node.lines(node.service, Array.from({ length: 60 }, (_, n) => ({ type: 'login', user: `key-${String(n).padStart(2, '0')}` })))
    const page = await opened(t)
    await row(page, 'key-00').waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type('key-')
    await page.getByText(/of 60$/).waitFor()
    const grid = page.getByRole('grid')
    await grid.focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('End')
    await page.locator('.row.active').getByText('key-59').waitFor()
    assert.equal(await page.evaluate(() => document.getElementById(document.querySelector('[role=grid]').getAttribute('aria-activedescendant')).innerText.split('\n')[0]), 'key-59')
    await page.keyboard.press('PageUp')
    await page.keyboard.press('Home')
    await page.keyboard.press('c')
    await page.getByText('Copied.').waitFor()
    assert.match(await page.evaluate(() => navigator.clipboard.readText()), /users\/key-00'$/)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'key-00' }).waitFor()
    assert.equal(await page.evaluate(() => document.activeElement.tagName), 'H1')
  })

  test('a reader sees who is there, and is told what is for admins', async (t) => {
    await send('login', 'anna')
    const page = await opened(t, await node.token('viewer', '--scope', 'presence:read'))
    await row(page, 'anna').click()
    await page.getByText('Overrides, the timeline and the audit are for admins.').waitFor()
    await page.goto('/admin/#/audit')
    await page.getByText('This is for admins.').waitFor()
  })

  test('a user sees himself', async (t) => {
    await send('login', 'uma')
    const page = await opened(t, await node.token('uma'))
    await page.getByRole('heading', { name: 'uma' }).waitFor()
  })

  test('shows each role the views that it may see', async (t) => {
    await send('login', 'nina')
    for (const [token, want] of [
      [node.admin, ['Users', 'Concurrency', 'Audit', 'Health']],
      [await node.token('viewer', '--scope', 'presence:read'), ['Users', 'Health']],
      [await node.token('nina'), ['You', 'Health']],
    ]) {
      const page = await opened(t, token)
      assert.deepEqual(await page.getByRole('navigation').getByRole('link').allInnerTexts(), want)
    }
  })

  test('says that there is no such user, once, and shows him when he comes', async (t) => {
    const page = await opened(t)
    await page.goto('/admin/#/user/zoe')
    await page.getByText('There is no such user').waitFor()
    assert.equal(await page.locator('.failure').count(), 0)
    await send('login', 'zoe')
    await page.getByRole('cell', { name: 'default', exact: true }).waitFor()
    assert.equal(await page.getByText('There is no such user').count(), 0)
  })

  test('forgets a user who is erased, on his page and in the list', async (t) => {
    await send('login', 'erin')
    await send('login', 'erik')
    const list = await opened(t)
    const page = await opened(t)
    await row(list, 'erin').waitFor()
    await row(list, 'erik').waitFor()
    await page.goto('/admin/#/user/erin')
    await page.getByRole('cell', { name: 'default', exact: true }).waitFor()
    await node.call(node.admin, 'DELETE', '/v1/users/erin')
    await row(list, 'erin').waitFor({ state: 'detached' })
    await row(list, 'erik').waitFor()
    await page.getByText('There is no such user').waitFor()
    assert.equal(await page.getByRole('heading', { name: 'Sessions' }).count(), 0)
  })

  test('an id that is nothing but dots is told of, with a command that can ask for it', async (t) => {
    await send('login', '..')
    const page = await opened(t)
    await row(page, '..').getByRole('link').click()
    await page.getByText('A browser cannot ask for an id').waitFor()
    await page.getByRole('button', { name: 'Copy as curl: ..' }).click()
    const command = await page.evaluate(() => navigator.clipboard.readText())
    assert.equal(command, `curl -sS --path-as-is -H "Authorization: Bearer $ROLLCALL_TOKEN" '${node.url}/v1/users/..'`)
  })

  for (const [name, options] of [
    ['light', {}],
    ['dark', { colorScheme: 'dark' }],
    ['on a phone', { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true }],
  ]) {
    test(`axe finds nothing serious, ${name}`, async (t) => {
      await send('login', 'axel', { device: 'Firefox' })
      await node.call(node.admin, 'PUT', '/v1/users/axel/override', { status: 'away', reason: 'lunch' })
      const out = await visit(browser, node, options)
      t.after(() => out.context.close())
      await out.page.goto('/admin/')
      await out.page.getByLabel('Token').waitFor()
      await accessible(out.page, 'sign-in')
      const page = await opened(t, node.admin, options)
      await row(page, 'axel').waitFor()
      await accessible(page, 'users')
      for (const [view, ready] of [['user/axel', 'tbody tr'], ['concurrency', '.u-legend'], ['audit', 'tbody tr'], ['health', 'tbody tr']]) {
        await page.goto(`/admin/#/${view}`)
        await page.locator(ready).first().waitFor({ state: 'attached' })
        await accessible(page, view)
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
        assert.ok(wide <= 0, `${view} is ${wide} px wider than the window`)
      }
    })
  }

  // axe is evaluated from outside of the page, which its policy does not stop.
  async function accessible(page, what) {
    await page.evaluate(axe + ';0')
    const { violations } = await page.evaluate(() => axe.run())
    const grave = violations.filter((v) => v.impact === 'serious' || v.impact === 'critical')
    assert.deepEqual(grave.map((v) => `${what}: ${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`), [])
  }
})

describe('a node that is not always there', { skip: missing(), timeout: 120_000 }, () => {
  let node, browser
  before(async () => {
    node = await start()
    browser = await launch()
  })
  after(async () => {
    await browser?.close()
    await node?.stop()
  })
  const login = (user) => node.call(node.service, 'POST', '/v1/events', { type: 'login', user })

  test('nobody is there: each view says so; what came in the last hour is shown as an hour', async (t) => {
    const { page, wrong, context } = await signedIn(browser, node, node.admin)
    t.after(() => context.close())
    await page.getByText('Nobody is here.').waitFor()
    await page.goto('/admin/#/concurrency')
    await page.getByText('Nobody was online in the last 24 hours.').waitFor()
    await page.goto('/admin/#/audit')
    await page.getByText('No events in this time.').waitFor()
    await login('first')
    await page.reload()
    await page.goto('/admin/#/concurrency')
    await page.getByText('in the last hour').waitFor()
    await page.locator('.u-series', { hasText: 'online' }).getByText('1', { exact: true }).waitFor() // now, though no step has begun since
    assert.equal(await page.getByRole('button', { name: '1 hour' }).getAttribute('aria-pressed'), 'true')
    assert.deepEqual(wrong, [])
  })

  test('says when the node is gone, and comes right by itself when it is back', async (t) => {
    await login('before')
    const { page, wrong, context } = await signedIn(browser, node, node.admin)
    t.after(() => context.close())
    await page.getByRole('link', { name: 'before' }).waitFor()
    await node.end()
    await page.getByText('The service does not answer.').waitFor()
    await page.locator('.link.broken').waitFor()
    assert.equal(await page.getByRole('link', { name: 'before' }).count(), 1) // what was known stays
    await node.begin()
    await login('after')
    await page.getByRole('link', { name: 'after' }).waitFor()
    await page.locator('.link.live').waitFor()
    await page.getByText('The service does not answer.').waitFor({ state: 'detached' })
    assert.deepEqual(wrong.filter((w) => !w.includes('ERR_')), [])
  })

  test('says when the node hangs, though the connection stands', async (t) => {
    const { page, context } = await signedIn(browser, node, node.admin)
    t.after(() => context.close())
    await page.locator('.link.live').waitFor()
    node.signal('SIGSTOP')
    await page.getByText('The service does not answer.').waitFor()
    await page.locator('.link.broken').waitFor()
    node.signal('SIGCONT')
    await page.locator('.link.live').waitFor()
    await login('afterwards')
    await page.getByRole('link', { name: 'afterwards' }).waitFor()
  })
})

describe('a log of many events', { skip: missing(), timeout: 120_000 }, () => {
  const many = 6000
  let node, browser
  before(async () => {
    node = await start()
    browser = await launch()
    const events = Array.from({ length: many }, (_, n) => ({ type: n % 1500 === 700 ? 'logout' : 'login', user: n % 1500 === 700 ? 'rare' : `user-${n % 50}` }))
    await node.lines(node.service, events)
  })
  after(async () => {
    await browser?.close()
    await node?.stop()
  })

  // rows are the places that the audit shows, in the order that it shows them.
  const rows = (page) => page.locator('tbody td.seq').allInnerTexts()
  // logged are the places of all that is in the log, the newest first: many share a commit, and so a sequence.
  const logged = async () => {
    const all = []
    for (let next = '0'; next; ) {
      const got = await node.call(node.admin, 'GET', `/v1/events?limit=1000&after_seq=${next}`)
      all.push(...got.events.map((e) => (e.nth ? `${e.seq}.${e.nth}` : String(e.seq))))
      next = got.next_after_seq
    }
    return all.reverse()
  }
  const shown = (page, n) => until(`${n} rows are shown`, async () => (await page.locator('tbody td.seq').count()) >= n)

  test('the audit begins with the newest, and goes back without a gap or a repeat', async (t) => {
    const { page, wrong, context } = await signedIn(browser, node, node.admin)
    t.after(() => context.close())
    const want = await logged()
    assert.equal(want.length, many)
    await page.goto('/admin/#/audit')
    await shown(page, 50)
    assert.equal((await rows(page))[0], want[0])
    for (let n = 100; n <= 600; n += 50) {
      await page.getByRole('button', { name: 'Show older' }).click()
      await shown(page, n)
    }
    const all = await rows(page)
    assert.deepEqual(all, want.slice(0, all.length))
    const { seq } = await node.call(node.service, 'POST', '/v1/events', { type: 'login', user: 'user-0' })
    await page.getByRole('button', { name: 'Show', exact: true }).click()
    await until('what is new is shown', async () => parseInt((await rows(page))[0], 10) === seq)
    assert.deepEqual(wrong, [])
  })

  test('the audit of a rare event is whole, and so is that of one user', async (t) => {
    const { page, context } = await signedIn(browser, node, node.admin)
    t.after(() => context.close())
    await page.goto('/admin/#/audit')
    await page.getByLabel('Event').selectOption('logout')
    await page.getByText('4 events in this time.').waitFor()
    await page.goto('/admin/#/user/user-1')
    await shown(page, 50)
    while (await page.getByRole('button', { name: 'Show older' }).count()) await page.getByRole('button', { name: 'Show older' }).click()
    await page.getByText('120 events in this time.').waitFor()
    // What is new of him comes by itself, before what was read already.
    const before = await rows(page)
    await node.call(node.service, 'POST', '/v1/events', { type: 'logout', user: 'user-1', session: 'default' })
    await page.getByText('121 events in this time.').waitFor()
    const now = await rows(page)
    assert.deepEqual(now.slice(1), before)
  })
})

describe('with 100,000 users', { skip: missing(), timeout: 300_000 }, () => {
  let node, browser
  before(async () => {
    node = await start()
    browser = await launch()
    for (let n = 0; n < 100_000; n += 20_000)
      await node.lines(node.service, Array.from({ length: 20_000 }, (_, k) => ({ type: 'login', user: `user-${String(n + k).padStart(6, '0')}` })))
  })
  after(async () => {
    await browser?.close()
    await node?.stop()
  })

  test('shows, pages and searches them with few rows in the document', async (t) => {
    const began = Date.now()
    const { page, wrong, context } = await signedIn(browser, node, node.admin)
    t.after(() => context.close())
    await page.getByText('1 to ').getByText(/of 100,000$/).waitFor({ timeout: 60_000 })
    t.diagnostic(`all are there after ${Date.now() - began} ms`)
    assert.ok((await page.locator('.rows .row').count()) < 60)
    await page.getByRole('grid').focus()
    await page.keyboard.press('End')
    await page.getByRole('link', { name: 'user-099999' }).waitFor()
    await page.getByRole('button', { name: 'Previous page' }).click()
    const searched = Date.now()
    await page.getByLabel('Search by id').fill('USER-0500')
    await page.getByText(/of 100$/).waitFor()
    t.diagnostic(`a search takes ${Date.now() - searched} ms`)
    await node.call(node.service, 'POST', '/v1/events', { type: 'login', user: 'user-0500-new' })
    await page.getByText(/of 101$/).waitFor()
    assert.ok((await page.locator('.rows .row').count()) < 60)
    assert.deepEqual(wrong, [])
  })

  test('keeps up with hundreds of changes a second, and can be used meanwhile', async (t) => {
    const { page, wrong, context } = await signedIn(browser, node, node.admin)
    t.after(() => context.close())
    await page.getByText('1 to ').getByText(/of 100,00[01]$/).waitFor({ timeout: 60_000 })
    await page.evaluate(() => {
      window.tasks = []
      new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((e) => Math.round(e.duration)))).observe({ entryTypes: ['longtask'] })
    })
    const began = Date.now()
    let sent = 0
    const changes = (async () => {
      for (; sent < 3000; sent += 100)
        await node.lines(node.service, Array.from({ length: 100 }, (_, n) => ({ type: 'logout', user: `user-${String(sent + n).padStart(6, '0')}` })))
    })()
    await page.getByLabel('Search by id').fill('user-0912')
    await page.getByText(/ of [1-9][0-9]?[0-9]?$/).waitFor()
    await page.getByLabel('Search by id').fill('')
    await page.getByRole('grid').focus()
    for (let n = 0; n < 10; n++) await page.keyboard.press('PageDown')
    await changes
    await page.getByRole('button', { name: /^Online 97,00[01]/ }).waitFor()
    const tasks = await page.evaluate(() => window.tasks)
    t.diagnostic(`${sent} changes in ${Date.now() - began} ms; tasks of over 50 ms: ${tasks.length ? tasks.join(', ') : 'none'}`)
    assert.deepEqual(wrong, [])
  })
})
