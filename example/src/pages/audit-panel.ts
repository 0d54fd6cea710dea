import { html, raw } from 'hono/html'
import type { AuditView } from '../modules/audit/model.js'

/** Asks only while something is awaited: a page that was left open is no traffic. */
const script = raw(`<script type="module">
  const panel = document.querySelector('.audit')
  const [on, off] = panel.querySelectorAll('button')
  const [words, named] = panel.querySelectorAll('p[role=status] > span')
  let timer
  let asks = 0

  function show({ isOn, found }) {
    on.hidden = isOn
    off.hidden = !isOn
    words.textContent = !isOn ? 'It is off.' : found ? 'Named: ' : 'It is on. Not named yet: some seconds of traffic are needed.'
    named.hidden = !found
    if (found) {
      named.querySelector('code').textContent = found.place
      named.querySelector('b').textContent = found.routes.join(', ')
    }
    clearTimeout(timer)
    if (isOn && !found && asks++ < 60) timer = setTimeout(() => ask(), 2000)
  }

  async function ask(options) {
    try {
      const response = await fetch('/audit', options)
      const answer = await response.json()
      if (response.ok) return show(answer)
      words.textContent = answer.detail + ' ' + answer.fix
    } catch {
      words.textContent = 'The box office does not answer.'
    }
  }

  for (const button of [on, off])
    button.addEventListener('click', () => {
      asks = 0
      const body = JSON.stringify({ isOn: button.value === 'on' })
      void ask({ method: 'PUT', headers: { 'content-type': 'application/json' }, body })
    })
  show(JSON.parse(panel.dataset.now))
</script>`)

/** The dial of the audit log: a call that hides in a middleware, until its line is named. */
export function renderAuditPanel(now: AuditView) {
  return html`<section class="history audit" aria-labelledby="audit" data-now="${JSON.stringify(now)}">
      <h2 id="audit">Hide a call that blocks</h2>
      <p>
        Turns on an audit log: a middleware that writes a line for each request with <code>appendFileSync</code>, and
        waits for the disk. Every route becomes slower, and no statement does. Watch names the line:
        <a href="/_holdfast/findings?kind=sync-call">Findings</a>.
      </p>
      <p role="status">
        <span></span>
        <span hidden
          ><code></code>, routes <b></b>. <a href="/_holdfast/findings?kind=sync-call">See the finding</a></span
        >
      </p>
      <button type="button" value="on">Turn it on</button>
      <button type="button" value="off" class="back" hidden>Turn it off</button>
    </section>
    ${script}`
}
