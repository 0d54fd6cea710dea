import { Hono } from 'hono'
import { html } from 'hono/html'
import type { EventView } from '../modules/events/model.js'
import type { EventsService } from '../modules/events/service.js'
import type { Importer } from '../modules/history/importer.js'
import type { ImportView } from '../modules/history/model.js'
import { formatMoney } from '../utils/money.js'
import type { AuditView } from '../modules/audit/model.js'
import type { AuditService } from '../modules/audit/service.js'
import { renderAuditPanel } from './audit-panel.js'
import { historyStyle, renderHistoryPanel } from './history-panel.js'

const style = html`<style>
  :root {
    color-scheme: light dark;
    --ink: #1d2330;
    --paper: #faf8f4;
    --line: #ddd6c9;
    --accent: #a4452c;
  }
  @media (prefers-color-scheme: dark) {
    :root {
      --ink: #ece8e0;
      --paper: #16181d;
      --line: #33363f;
      --accent: #f0906f;
    }
  }
  body {
    margin: 0 auto;
    max-width: 46rem;
    padding: 3rem 1.25rem;
    background: var(--paper);
    color: var(--ink);
    font:
      16px/1.5 ui-sans-serif,
      system-ui,
      sans-serif;
  }
  h1 {
    font:
      600 2.2rem/1.1 ui-serif,
      Georgia,
      serif;
    margin: 0 0 0.3rem;
  }
  a {
    color: var(--accent);
  }
  ol {
    list-style: none;
    padding: 0;
    margin: 2rem 0;
    border-top: 1px solid var(--line);
  }
  li {
    display: grid;
    grid-template-columns: 8.5rem 1fr auto;
    gap: 1rem;
    padding: 0.7rem 0;
    border-bottom: 1px solid var(--line);
  }
  time,
  .price {
    font-variant-numeric: tabular-nums;
    opacity: 0.8;
  }
  .price {
    text-align: right;
  }
  small {
    display: block;
    opacity: 0.7;
  }
  @media (max-width: 34rem) {
    li {
      grid-template-columns: 1fr auto;
    }
    time {
      grid-column: 1 / -1;
    }
  }
</style>`

const dateFormat = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' })

/** `GET /`: the next events, for people. Everything from the database is escaped by `html`. */
export function createStartPage(
  events: EventsService,
  importer: Pick<Importer, 'describe'>,
  audit: Pick<AuditService, 'describe'>,
): Hono {
  return new Hono().get('/', async (c) => {
    const { items } = await events.browse({ limit: 12, after: undefined })
    return c.html(renderPage(items, await importer.describe(), await audit.describe()))
  })
}

function renderPage(items: readonly EventView[], history: ImportView, audit: AuditView) {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>Box office</title>
        ${style} ${historyStyle}
      </head>
      <body>
        <h1>Box office</h1>
        <p>
          What is on next. See what is going on inside: <a href="/_holdfast/">the dashboard</a>. To try:
          <a href="#history">let the order history grow</a>, <a href="#audit">hide a call that blocks</a>. For programs:
          <a href="/events">/events</a>, <a href="/events/search?q=jazz">/events/search</a>.
        </p>
        ${
          items.length > 0
            ? html`<ol>
                ${items.map(renderEvent)}
              </ol>`
            : html`<p>No events yet: the seed is still running.</p>`
        }
        ${renderHistoryPanel(history)} ${renderAuditPanel(audit)}
      </body>
    </html>`
}

function renderEvent(event: EventView) {
  const { remaining, price } = event.standing
  return html`<li>
    <time datetime="${event.startsAt}">${dateFormat.format(new Date(event.startsAt))}</time>
    <span>
      <a href="/events/${event.id}">${event.title}</a>
      <small>${event.genre} · ${event.place} · <a href="/events/${event.id}/seats">seats</a></small>
    </span>
    <span class="price">${formatMoney(price)}<small>${remaining} standing</small></span>
  </li>`
}
