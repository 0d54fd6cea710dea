import type { SettingPart } from './explainable.js'

/** What a session was told that a plan depends on: its role, its search_path, the tenant of Row-Level Security. */
export interface Setting {
  text: string
  values: readonly unknown[] | undefined
}

const MOST = 20

interface Session {
  lasting: Setting[]
  /** Until the transaction ends. */
  passing: Setting[]
}

/**
 * Sessions as their own statements have made them, so that a plan can be asked for under the same conditions elsewhere.
 * Kept while the session lives, in this process alone.
 */
export class SessionSettings {
  readonly #sessions = new WeakMap<object, Session>()

  note(client: object, parts: readonly SettingPart[], values: readonly unknown[] | undefined): void {
    const session = this.#sessions.get(client) ?? { lasting: [], passing: [] }
    this.#sessions.set(client, session)
    for (const { what, text } of parts) this.#apply(session, what, { text, values })
  }

  #apply(session: Session, what: SettingPart['what'], setting: Setting): void {
    if (what === 'begin' || what === 'end') session.passing = []
    else if (what === 'forget') session.lasting = []
    else keep(what === 'set' ? session.lasting : session.passing, setting)
  }

  /** Its transaction may be over: a COMMIT that travels with another statement is not seen. */
  endTransaction(client: object): void {
    const session = this.#sessions.get(client)
    if (session) session.passing = []
  }

  of(client: object): readonly Setting[] {
    const session = this.#sessions.get(client)
    return session === undefined ? [] : [...session.lasting, ...session.passing]
  }
}

/** The last one of a text holds. */
function keep(settings: Setting[], setting: Setting): void {
  const at = settings.findIndex(({ text }) => text === setting.text)
  if (at >= 0) settings.splice(at, 1)
  settings.push(setting)
  if (settings.length > MOST) settings.shift()
}
