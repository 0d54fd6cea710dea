import { overflow, several, type Parser, type Statement } from './parser.js'

/** Texts whose statement is remembered. An application that writes literals into its SQL makes them without end. */
const MOST_TEXTS = 5_000
/** Parsing takes about a tenth of a millisecond; more than this a second is not spent on texts never seen before. */
const MOST_NEW_PER_SECOND = 50

/** Texts as the application sends them, and the statements that they are. Looking one up costs a Map; parsing comes once. */
export class StatementBook {
  readonly #parser: Parser
  readonly #byText = new Map<string, Statement>()
  readonly #byId = new Map<string, Statement>()
  #second = 0
  #parsed = 0

  constructor(parser: Parser) {
    this.#parser = parser
  }

  /** Undefined: several in one flight. */
  find(text: string | undefined): Statement {
    if (text === undefined) return several
    return this.#byText.get(text) ?? this.#open(text)
  }

  #open(text: string): Statement {
    const second = Math.floor(performance.now() / 1_000)
    if (second !== this.#second) [this.#second, this.#parsed] = [second, 0]
    if (++this.#parsed > MOST_NEW_PER_SECOND && this.#byText.size >= MOST_NEW_PER_SECOND) return overflow
    const id = this.#parser.fingerprint(text)
    const statement = this.#byId.get(id) ?? { id, text: this.#parser.normalise(text) }
    this.#byId.set(id, statement)
    if (this.#byText.size >= MOST_TEXTS) this.#forgetOldest()
    this.#byText.set(text, statement)
    return statement
  }

  #forgetOldest(): void {
    const [oldest] = this.#byText.keys()
    if (oldest !== undefined) this.#byText.delete(oldest)
    if (this.#byId.size > MOST_TEXTS) this.#byId.clear()
  }
}
