import { useState } from 'preact/hooks'
import { signIn } from './signin'

/** SignIn asks for a token. says is why the page is not signed in, if there is a reason. */
export function SignIn({ says }: { says: string }) {
  const [token, setToken] = useState('')
  const [busy, setBusy] = useState(false)
  return (
    <main class="signin">
      <h1 class="brand">Rollcall</h1>
      <form
        onSubmit={async (e) => {
          e.preventDefault()
          setBusy(true)
          await signIn(token)
          setBusy(false)
        }}
      >
        <p role="alert" class={says ? 'says' : ''}>
          {says}
        </p>
        <label for="token">Token</label>
        <input
          id="token"
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          autofocus
          value={token}
          aria-describedby="about-token"
          onInput={(e) => setToken(e.currentTarget.value)}
        />
        <p id="about-token" class="quiet">
          The page exchanges it for a cookie that lasts an hour at most, and keeps no copy. An admin's token shows everything:
          <code>rollcall token mint --sub you --role admin</code>
        </p>
        <button type="submit" class="main" disabled={busy}>
          Sign in
        </button>
      </form>
    </main>
  )
}
