// Calls of the service. The cookie of the session goes with them.

/** Problem is an answer that says what is wrong, in the words of the service. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
  ) {
    super(detail)
  }
}

// The page lies at …/admin/, whatever stands before it.
const root = new URL('..', document.baseURI)

/** within tells the service where in its host it lies, so that the cookie is for that part alone. */
export const within = { 'Rollcall-Prefix': root.pathname }

/** address returns where a path of the service is, such as "v1/stats". */
export const address = (path: string): string => root.href + path

let expired: () => void = () => {}

/** whenExpired sets what happens when the service no longer knows the session. */
export function whenExpired(act: () => void): void {
  expired = act
}

/** Who does not answer for so many milliseconds is told to be unreachable. */
const patience = 30_000

/** call sends a request and returns the JSON of its answer; a refusal is thrown as a Problem. */
export async function call<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}, wait = patience): Promise<T> {
  const answer = await reach(path, {
    method,
    headers: { Accept: 'application/json', ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(wait),
  })
  try {
    if (answer.ok) return (answer.status === 204 ? undefined : await answer.json()) as T
  } catch {
    throw unreachable() // it broke off
  }
  const problem = await problemOf(answer)
  if (problem.status === 401 && !headers.Authorization) expired()
  throw problem
}

/** text returns an answer as it is, whether it is a success or not. */
export async function text(path: string): Promise<{ status: number; body: string }> {
  const answer = await reach(path, { signal: AbortSignal.timeout(patience) })
  try {
    return { status: answer.status, body: await answer.text() }
  } catch {
    throw unreachable()
  }
}

const unreachable = () => new Problem(0, 'unreachable', 'The service cannot be reached.')

async function reach(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(address(path), { cache: 'no-store', credentials: 'same-origin', ...init })
  } catch {
    throw unreachable()
  }
}

async function problemOf(answer: Response): Promise<Problem> {
  try {
    const told = (await answer.json()) as { code?: string; detail?: string; title?: string; errors?: { message: string }[] }
    const more = told.errors?.map((e) => e.message).join('; ')
    return new Problem(answer.status, told.code ?? '', [told.detail ?? told.title ?? 'The service refused.', more].filter(Boolean).join(' '))
  } catch {
    return new Problem(answer.status, '', `The service answered with status ${answer.status}.`)
  }
}

/** parameters makes the query of an address; what is empty is left out. */
export function parameters(of: Record<string, string | number | undefined>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(of)) if (value) query.set(name, String(value))
  const all = query.toString()
  return all && '?' + all
}
