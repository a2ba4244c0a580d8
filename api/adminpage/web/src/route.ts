import { signal } from '@preact/signals'

/** Route is what the page shows, as the part of the address behind # has it. */
export interface Route {
  view: string
  user: string
}

const read = (): Route => {
  const [, view = '', user = ''] = location.hash.match(/^#\/([a-z]*)(?:\/(.*))?$/) ?? []
  try {
    return { view: view || 'users', user: decodeURIComponent(user) }
  } catch {
    return { view: 'users', user: '' }
  }
}

export const route = signal<Route>(read())

addEventListener('hashchange', () => (route.value = read()))

/** to is the address of a view. */
export const to = (view: string, user?: string): string => `#/${view}` + (user === undefined ? '' : '/' + encodeURIComponent(user))

/** go shows a view. */
export function go(view: string, user?: string): void {
  location.hash = to(view, user)
}
