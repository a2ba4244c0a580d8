import { address } from './call'

/** quoted returns text as one word of a POSIX shell. */
export const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** curl returns the command that makes a call. The token stays out of it: the page does not have it. */
export function curl(path: string, method = 'GET', body?: unknown): string {
  const words = ['curl', '-sS']
  if (/\/\.\.?(\/|$)/.test(path)) words.push('--path-as-is')
  if (method !== 'GET') words.push('-X', method)
  words.push('-H', '"Authorization: Bearer $ROLLCALL_TOKEN"')
  if (body !== undefined) words.push('-H', quoted('Content-Type: application/json'), '-d', quoted(JSON.stringify(body)))
  words.push(quoted(address(path)))
  return words.join(' ')
}
