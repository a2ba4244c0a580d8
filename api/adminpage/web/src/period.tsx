/** Days is how far back a view looks. */
export type Days = 1 | 7 | 30

const names: [Days, string][] = [
  [1, '24 hours'],
  [7, '7 days'],
  [30, '30 days'],
]

export const nameOf = (days: Days): string => names.find(([d]) => d === days)![1]

/** start is when the last so many days began. */
export const start = (days: Days, end = Date.now()): number => end - days * 86_400_000

/** Period chooses how far back to look. */
export function Period({ days, onChange }: { days: Days; onChange: (days: Days) => void }) {
  return (
    <div class="filters" role="group" aria-label="The last">
      {names.map(([d, name]) => (
        <button key={d} type="button" aria-pressed={d === days} onClick={() => onChange(d)}>
          {name}
        </button>
      ))}
    </div>
  )
}
