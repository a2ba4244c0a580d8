import { useState } from 'preact/hooks'
import { goOn, signIn } from './signin'

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
          <code>rollcall token mint --secret "$SECRET" --sub you --scope presence:admin</code>
        </p>
        <button type="submit" class="main" disabled={busy}>
          Sign in
        </button>
      </form>
    </main>
  )
}

/** Linked asks whether the token of a link may take the place of the session that is there. */
export function Linked({ token }: { token: string }) {
  return (
    <main class="signin">
      <h1 class="brand">Rollcall</h1>
      <form
        onSubmit={(e) => {
          e.preventDefault()
          void signIn(token)
        }}
      >
        <p role="alert" class="says">
          You are signed in already. This link signs you in with another token: go on only if you know where it is from.
        </p>
        <button type="button" class="main" autofocus onClick={() => void goOn()}>
          Stay signed in as I am
        </button>
        <button type="submit">Sign in with the link</button>
      </form>
    </main>
  )
}
