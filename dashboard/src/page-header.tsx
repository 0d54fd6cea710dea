import { openGlossary } from './glossary'
import { connection, hasSession, logOut, pages, type Connection } from './live'
import { cycleTheme, linkTo, page, theme, windowSeconds } from './view-state'

const states: Readonly<Record<Connection, string>> = {
  connecting: 'connecting',
  live: 'live',
  paused: 'paused',
  lost: 'connection lost, retrying',
}

export function PageHeader() {
  return (
    <header class="top">
      <span class="brand">
        <img src="./icon.svg" alt="" width="22" height="22" /> holdfast
      </span>
      <Navigation />
      <span class={`connection connection-${connection.value}`} role="status">
        {states[connection.value]}
      </span>
      <div class="controls">
        {page === 'now' && <WindowPicker />}
        <button type="button" class="quiet" onClick={cycleTheme} aria-label={`Theme: ${theme.value}. Change`}>
          <ThemeSign /> {theme.value}
        </button>
        <button type="button" class="quiet" onClick={openGlossary} aria-label="Glossary" aria-keyshortcuts="?">
          ?
        </button>
        {hasSession.value && (
          <button type="button" class="quiet" onClick={() => void logOut()}>
            Log out
          </button>
        )}
      </div>
    </header>
  )
}

function Navigation() {
  return (
    <nav aria-label="Pages">
      {pages.value.map(({ name, path, title }) => (
        <a key={name} href={linkTo(path)} aria-current={name === page ? 'page' : undefined}>
          {title}
        </a>
      ))}
    </nav>
  )
}

function WindowPicker() {
  return (
    <div class="picker" role="group" aria-label="Time window of the plots">
      {([60, 120] as const).map((length) => (
        <button
          key={length}
          type="button"
          aria-pressed={windowSeconds.value === length}
          onClick={() => (windowSeconds.value = length)}
        >
          {length} s
        </button>
      ))}
    </div>
  )
}

function ThemeSign() {
  return (
    <svg viewBox="0 0 16 16" width="13" height="13" aria-hidden="true">
      <circle cx="8" cy="8" r="6.5" fill="none" stroke="currentColor" stroke-width="1.5" />
      <path d="M8 1.5a6.5 6.5 0 0 1 0 13Z" fill="currentColor" />
    </svg>
  )
}
