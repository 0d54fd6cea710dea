import { html, raw } from 'hono/html'
import { usualOrders, type ImportView } from '../modules/history/model.js'

export const historyStyle = html`<style>
  .history {
    margin: 3rem 0 0;
    padding: 1.25rem;
    border: 1px solid var(--line);
    border-radius: 0.5rem;
  }
  .history h2 {
    font:
      600 1.3rem/1.2 ui-serif,
      Georgia,
      serif;
    margin: 0 0 0.5rem;
  }
  .history p {
    margin: 0 0 0.8rem;
  }
  .history [role='status'] {
    overflow-wrap: anywhere;
  }
  .history progress {
    width: 100%;
    accent-color: var(--accent);
  }
  .history progress[hidden],
  .history button[hidden] {
    display: none;
  }
  button {
    font: inherit;
    color: var(--paper);
    background: var(--accent);
    border: 1px solid var(--accent);
    border-radius: 0.35rem;
    padding: 0.4rem 0.9rem;
    margin: 0 0.5rem 0.3rem 0;
    cursor: pointer;
  }
  button.back {
    color: var(--accent);
    background: none;
  }
  button:disabled {
    opacity: 0.5;
    cursor: default;
  }
</style>`

/** Asks only while something is going on: a page that was left open is no traffic. */
const script = raw(`<script type="module">
  const panel = document.querySelector('.history')
  const [grow, back] = panel.querySelectorAll('button')
  const progress = panel.querySelector('progress')
  const words = panel.querySelector('[role=status]')
  const count = new Intl.NumberFormat('en-GB')
  const tell = {
    none: () => 'Nothing is imported yet.',
    importing: ({ imported, target }) => count.format(imported) + ' of ' + count.format(target) + ' orders are here.',
    resting: ({ imported }) => count.format(imported) + ' orders are here. They are read for some seconds as they are, so that there is a before.',
    stopped: ({ imported, target }) => 'Stopped at ' + count.format(imported) + ' of ' + count.format(target) + ' orders.',
    done: ({ imported, from, to }) => count.format(imported) + ' orders are here, of ' + from.slice(0, 4) + ' to ' + to.slice(0, 4) + '.',
  }
  let timer
  const isGoingOn = ({ state }) => state === 'importing' || state === 'resting'

  function show(now) {
    words.textContent = tell[now.state](now)
    progress.hidden = now.state === 'none'
    progress.max = Math.max(1, now.target)
    progress.value = now.imported
    grow.hidden = now.state === 'done'
    grow.disabled = isGoingOn(now)
    back.hidden = now.state === 'none'
    clearTimeout(timer)
    if (isGoingOn(now)) timer = setTimeout(() => ask(), 1000)
  }

  async function ask(options) {
    try {
      const response = await fetch('/history', options)
      const answer = await response.json()
      if (response.ok) return show(answer)
      words.textContent = answer.detail + ' ' + answer.fix
    } catch {
      words.textContent = 'The box office does not answer.'
    }
    grow.disabled = false
  }

  for (const button of [grow, back])
    button.addEventListener('click', () => {
      grow.disabled = true
      const body = JSON.stringify({ orders: Number(button.value) })
      void ask({ method: 'PUT', headers: { 'content-type': 'application/json' }, body })
    })
  show(JSON.parse(panel.dataset.now))
</script>`)

/** The dial of the order history: a button to let it grow, one to take it back. Nothing happens until one is pressed. */
export function renderHistoryPanel(now: ImportView) {
  return html`<section class="history" aria-labelledby="history" data-now="${JSON.stringify(now)}">
      <h2 id="history">Let the order history grow</h2>
      <p>
        Imports ${new Intl.NumberFormat('en-GB').format(usualOrders)} orders of the shop’s former system while the
        traffic goes on: about a minute, and 140 MB. Nobody deploys anything, and yet
        <code>GET /customers/:id/history</code> becomes slow. <a href="/_holdfast/findings">Findings</a> says when and
        why, <a href="/_holdfast/queries?since=15m">Queries</a> which index helps.
      </p>
      <p role="status"></p>
      <progress hidden aria-label="Orders that are here"></progress>
      <button type="button" value="${usualOrders}">Let it grow</button>
      <button type="button" value="0" class="back" hidden>Take it back</button>
    </section>
    ${script}`
}
