// A real node for a test: its own data, its own port, its own secret.
import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const module = new URL('../../../..', import.meta.url).pathname

/** until waits for a condition, and fails after ten seconds. */
export async function until(what, holds) {
  const late = Date.now() + 10_000
  for (;;) {
    const got = await holds()
    if (got) return got
    if (Date.now() > late) throw new Error(`it did not happen that ${what}`)
    await new Promise((next) => setTimeout(next, 25))
  }
}

/** folder is a place for a test's files. */
export const folder = () => mkdtemp(join(tmpdir(), 'rollcall-admin-'))

/** binary builds rollcall, or takes the one that TEST_BINARY names. */
export async function binary(dir) {
  if (process.env.TEST_BINARY) return process.env.TEST_BINARY
  const out = join(dir, 'rollcall')
  await run('go', ['build', '-o', out, './cmd/rollcall'], { cwd: module })
  return out
}

/**
 * start runs a node, whose log begins with events, lines of CSV as `rollcall import` takes them. end ends it and begin runs it
 * again on its data; signal sends it a signal; stop removes everything.
 */
export async function start({ events = '' } = {}) {
  const dir = await folder()
  const program = await binary(dir)
  const data = join(dir, 'data')
  const secret = 'a secret for tests, long enough for HS256'
  if (events) {
    const file = join(dir, 'events.csv')
    await writeFile(file, events)
    await run(program, ['import', file, '--data-dir', data]).catch(async (err) => {
      await rm(dir, { recursive: true, force: true })
      throw err
    })
  }
  const addrFile = join(dir, 'addr')
  let child, gone
  let addr = '127.0.0.1:0'
  // begin starts the node; again, it listens where it did before.
  const begin = async () => {
    await rm(addrFile, { force: true })
    child = spawn(program, ['serve', '--addr', addr, '--addr-file', addrFile, '--data-dir', data, '--jwt-secret', secret, '--sync', '1s'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const mine = child
    let log = ''
    mine.stderr.on('data', (text) => (log += text))
    gone = new Promise((done) => mine.once('exit', done))
    await until('the node is ready', () => {
      if (mine.exitCode !== null) throw new Error(`the node stopped: ${log}`)
      return existsSync(addrFile)
    })
    addr = (await readFile(addrFile, 'utf8')).trim()
  }
  const signal = (name) => child.kill(name)
  const end = async () => {
    signal('SIGCONT')
    signal('SIGTERM')
    await gone
  }
  const stop = async () => {
    await end()
    await rm(dir, { recursive: true, force: true })
  }
  try {
    await begin()
  } catch (err) {
    await stop()
    throw err
  }
  const url = `http://${addr}`
  const token = async (sub, ...flags) => (await run(program, ['token', 'mint', '--secret', secret, '--sub', sub, ...flags])).stdout.trim()
  const call = async (bearer, method, path, body) => {
    const answer = await fetch(url + path, {
      method,
      headers: { Authorization: `Bearer ${bearer}`, ...(body ? { 'Content-Type': 'application/json' } : {}) },
      body: body && JSON.stringify(body),
    })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return answer.status === 204 ? undefined : answer.json()
  }
  const lines = async (bearer, events) => {
    const body = events.map((e) => JSON.stringify(e)).join('\n') + '\n'
    const answer = await fetch(url + '/v1/events', { method: 'POST', headers: { Authorization: `Bearer ${bearer}`, 'Content-Type': 'application/x-ndjson' }, body })
    const told = await answer.json()
    if (!answer.ok || told.rejected) throw new Error(`events: ${answer.status} ${JSON.stringify(told).slice(0, 500)}`)
  }
  return { url, token, call, lines, stop, begin, end, signal, admin: await token('root', '--role', 'admin'), service: await token('feed', '--scope', 'presence:write') }
}
