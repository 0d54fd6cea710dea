// The page for a browser that has no token yet, and its two files. They stand here and not in the dashboard's bundle,
// because they are all that is served to strangers.

/** `toBase` leads from the asked path to the dashboard's base and consists of dots and slashes only. */
export function renderLoginPage(toBase: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Log in · holdfast</title>
<link rel="icon" href="${toBase}icon.svg">
<link rel="stylesheet" href="${toBase}login.css">
<script type="module" src="${toBase}login.js"></script>
</head>
<body>
<main>
<h1><img src="${toBase}icon.svg" alt="" width="28" height="28"> holdfast</h1>
<form id="login" method="post" action="${toBase}api/login">
<label for="token">Access token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<p id="hint">The value of <code>HOLDFAST_TOKEN</code> in this service's environment.</p>
<p id="failure" role="alert"></p>
<button>Log in</button>
</form>
<noscript><p>Logging in needs JavaScript. Programs send <code>Authorization: Bearer</code> instead.</p></noscript>
</main>
</body>
</html>
`
}

// The header lets the server tell this page from somebody else's form. A framework that parses JSON before the handler
// runs leaves no body behind; then the token goes as a header.
export const loginScript = `const form = document.getElementById('login')
const failure = document.getElementById('failure')
const button = form.querySelector('button')

async function send(token) {
  const action = { 'x-holdfast-action': '1' }
  const asJson = { ...action, 'content-type': 'application/json' }
  const answer = await fetch(form.action, { method: 'POST', headers: asJson, body: JSON.stringify({ token }) })
  if (answer.status !== 400) return answer
  return fetch(form.action, { method: 'POST', headers: { ...action, authorization: 'Bearer ' + token } })
}

async function explain(answer) {
  const problem = await answer.json().catch(() => ({}))
  if (problem.code === 'HF_HTTP_UNAUTHORIZED') return 'This is not the token. Nothing was changed.'
  return [problem.detail, problem.fix].filter(Boolean).join(' ') || 'The service answered with status ' + answer.status + '.'
}

form.addEventListener('submit', async (event) => {
  event.preventDefault()
  failure.textContent = ''
  button.disabled = true
  try {
    const answer = await send(form.token.value.trim())
    if (answer.ok) return location.reload()
    failure.textContent = await explain(answer)
    form.token.select()
  } catch {
    failure.textContent = 'The service cannot be reached.'
  } finally {
    button.disabled = false
  }
})
`

export const loginStyle = `:root { color-scheme: light dark; --ground: #f6f7f9; --panel: #fff; --text: #14181f; --soft: #566070; --line: #d8dde5; --accent: #0b63ce; --on: #fff; --act: #b3261e }
@media (prefers-color-scheme: dark) { :root { --ground: #0e1116; --panel: #161b22; --text: #e8ecf2; --soft: #9aa5b4; --line: #2b333e; --accent: #6cb0ff; --on: #08131f; --act: #ff8a80 } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; background: var(--ground); color: var(--text); font: 15px/1.5 system-ui, sans-serif }
main { width: 100%; max-width: 22rem; padding: 1.75rem; background: var(--panel); border: 1px solid var(--line); border-radius: 10px }
h1 { display: flex; align-items: center; gap: .6rem; margin: 0 0 1.25rem; font-size: 1.2rem; letter-spacing: -.01em }
label { display: block; margin-bottom: .35rem; font-weight: 600 }
input { width: 100%; padding: .55rem .7rem; font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--line); border-radius: 6px }
#hint { margin: .4rem 0 0; color: var(--soft); font-size: .87rem }
#failure { margin: .6rem 0 0; color: var(--act) }
#failure:empty { display: none }
button { width: 100%; margin-top: 1.1rem; padding: .6rem; font: inherit; font-weight: 600; color: var(--on); background: var(--accent); border: 0; border-radius: 6px; cursor: pointer }
button:disabled { opacity: .6 }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
code { font: .92em ui-monospace, monospace }
`

export const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#0b63ce"/><path d="M9 7v18M23 7v18M9 16h14" fill="none" stroke="#fff" stroke-width="4" stroke-linecap="round"/></svg>
`
