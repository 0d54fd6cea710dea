import { createHash, randomUUID } from 'node:crypto'
import { validateOptions, type Db, type OptionTable, type Queryable } from '../core/index.js'
import type { Backend, Guarded, Hints, Joined } from './backend.js'
import { linkTo, type RedisClient, type RedisLink } from './redis-client.js'
import * as scripts from './redis-scripts.js'
import * as store from './store.js'
import type { LocksBackend } from './types.js'

export interface RedisBackendOptions {
  /** All keys in Redis begin with it. Default: `holdfast:locks:`. */
  prefix?: string
}

const optionTable: OptionTable = {
  prefix: { type: 'string', default: '`holdfast:locks:`', doc: 'All keys in Redis begin with it.' },
}

/** What Redis says of a lock that was granted. */
interface GrantHint extends store.MarkRecord {
  ticket: string
}

type ListedRow = [string, string, string, number, string, number, number, number]

/**
 * The queues in one Redis server, 6 or later; no cluster. Fences and guarded writes are the database's, so what is written
 * through `fenced` is as safe as with the database's own queues, whatever becomes of Redis. That nobody else holds the lock
 * meanwhile is not promised where Redis loses what it has said: it restarts without its data, or fails over to a replica.
 *
 * @throws HF_LOCKS_REDIS for a client that is none
 */
export function redisBackend(client: RedisClient, options: RedisBackendOptions = {}): LocksBackend {
  validateOptions('redisBackend', options, optionTable)
  const link = linkTo(client)
  return { open: (db) => new RedisBackend(db, link, options.prefix ?? 'holdfast:locks:') }
}

class RedisBackend implements Backend {
  readonly #db: Db
  readonly #link: RedisLink
  readonly #prefix: string

  constructor(db: Db, link: RedisLink, prefix: string) {
    this.#db = db
    this.#link = link
    this.#prefix = prefix
  }

  async join(name: string, hints: Hints): Promise<Joined> {
    const owner = randomUUID()
    const hear = (message: string) => void this.#hear(JSON.parse(message) as GrantHint, hints)
    const stop = await this.#link.subscribe(`${this.#prefix}n:${owner}`, hear, () => hints.missed())
    try {
      await this.#run(scripts.JOIN, [owner, name])
    } catch (error) {
      stop()
      throw error
    }
    return {
      owner,
      hasHints: true,
      leave: async () => {
        stop()
        await this.#run(scripts.LEAVE, [owner]).catch(() => {})
      },
    }
  }

  /** Without a fence nobody holds it; who waits looks again. */
  async #hear(hint: GrantHint, hints: Hints): Promise<void> {
    try {
      const [fence] = await store.mark(this.#db, [hint])
      hints.held(hint.ticket, fence as string)
    } catch {
      hints.missed()
    }
  }

  async request(owner: string, records: readonly store.RequestRecord[], flight: number): Promise<store.RequestRow[]> {
    const answers = (await this.#run(scripts.REQUEST, [owner, JSON.stringify(records), String(flight)])) as [
      string,
      number,
    ][]
    const granted = answers.flatMap(([, holds], n) => (holds === 1 ? [n] : []))
    const fences = await this.#draw(granted.map((n) => records[n] as store.MarkRecord)).catch((error: unknown) => {
      // Nobody will have what was granted, nor the places in the queues.
      void this.release(
        owner,
        answers.flatMap(([ticket]) => (ticket === '' ? [] : [ticket])),
      ).catch(() => {})
      throw error
    })
    const fenceOf = new Map(granted.map((n, at) => [n, fences[at] as string]))
    return answers.map(([ticket], n) => ({
      n: n + 1,
      ticket: ticket === '' ? null : ticket,
      fence: fenceOf.get(n) ?? null,
    }))
  }

  async #draw(records: readonly store.MarkRecord[]): Promise<string[]> {
    return records.length === 0 ? [] : await store.mark(this.#db, records)
  }

  /** A guarded write that is under way is waited for by whoever draws the next fence. */
  async release(owner: string, tickets: readonly string[]): Promise<string[]> {
    await this.#run(scripts.RELEASE, [owner, JSON.stringify(tickets)])
    return []
  }

  async beat(owner: string, { held, waiting, flight, deadlineMs }: store.Heartbeat): Promise<string[]> {
    const args = [owner, JSON.stringify(held), JSON.stringify([...held, ...waiting]), String(flight)]
    return (await this.#run(scripts.BEAT, args, deadlineMs)) as string[]
  }

  async look(owner: string, tickets: readonly string[]): Promise<store.LookRow[]> {
    const answers = (await this.#run(scripts.LOOK, [owner, JSON.stringify(tickets)])) as [string, string][]
    const held = answers.flatMap(([, what]) => (what === 'gone' ? [] : [JSON.parse(what) as GrantHint]))
    const fences = await this.#draw(held)
    return [
      ...held.map(({ ticket }, n) => ({ ticket, fence: fences[n] as string, is_gone: false })),
      ...answers.flatMap(([ticket, what]) => (what === 'gone' ? [{ ticket, fence: null, is_gone: true }] : [])),
    ]
  }

  async findCircle(ticket: string): Promise<string[] | null> {
    const circle = (await this.#run(scripts.FIND_CIRCLE, [ticket])) as string[]
    return circle.length === 0 ? null : circle
  }

  async guard(tx: Queryable, { keys, fence, mode }: Guarded): Promise<void> {
    await store.guardMark(tx, keys, fence, mode === 'shared')
  }

  async list(key: string | null, most: number): Promise<store.OverviewRow[]> {
    const rows = (await this.#run(scripts.LIST, [key ?? '', String(most)])) as ListedRow[]
    return rows.map(([of, , owner, shared, label, askedAt, heldAt, endsAt]) => ({
      key: of,
      state: heldAt > 0 ? 'held' : 'waiting',
      mode: shared === 1 ? 'shared' : 'exclusive',
      fence: null,
      owner,
      label: label === '' ? null : label,
      asked_at: new Date(askedAt),
      held_at: heldAt > 0 ? new Date(heldAt) : null,
      lease_ends_at: endsAt > 0 ? new Date(endsAt) : null,
    }))
  }

  async sweep(most: number): Promise<void> {
    await this.#run(scripts.SWEEP, [String(most)])
    await store.sweep(this.#db, most)
  }

  isUnknown(error: unknown): boolean {
    return error instanceof Error && error.message.startsWith('HF021')
  }

  /** The server keeps scripts until it restarts. */
  async #run(script: string, args: readonly string[], deadlineMs?: number): Promise<unknown> {
    const rest = ['0', this.#prefix, ...args]
    try {
      return await this.#link.send(['EVALSHA', digest(script), ...rest], deadlineMs)
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
      return await this.#link.send(['EVAL', script, ...rest], deadlineMs)
    }
  }
}

const digests = new Map<string, string>()

function digest(script: string): string {
  let known = digests.get(script)
  if (known === undefined) digests.set(script, (known = createHash('sha1').update(script).digest('hex')))
  return known
}
