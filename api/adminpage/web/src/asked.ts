import { useEffect, useState } from 'preact/hooks'
import { Problem } from './call'

/** Asked is what became of a question to the service: the last answer, the last failure, or neither yet. */
export interface Asked<T> {
  answer?: T
  failure?: string
  code?: string // of the failure, where the service named one
}

/**
 * useAsked asks when the page shows it, when what it is about changes, and every so many milliseconds. When least rises
 * it asks again, and what it has stays until the answer comes.
 */
export function useAsked<T>(ask: () => Promise<T>, on: unknown[], every = 0, least = 0): Asked<T> {
  const [state, set] = useState<Asked<T> & { on: string }>({ on: '' })
  const name = JSON.stringify(on)
  useEffect(() => {
    let wanted = true
    let timer: ReturnType<typeof setTimeout> | undefined
    const go = async () => {
      try {
        const answer = await ask()
        if (wanted) set({ on: name, answer })
      } catch (err) {
        const failure = err instanceof Error ? err.message : String(err)
        if (wanted) set((s) => ({ ...(s.on === name ? s : {}), on: name, failure, code: err instanceof Problem ? err.code : '' }))
      }
      if (wanted && every) timer = setTimeout(go, every)
    }
    void go()
    return () => {
      wanted = false
      clearTimeout(timer)
    }
  }, [name, least])
  return state.on === name ? state : {}
}
