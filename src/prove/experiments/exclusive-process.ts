import { killAll, startPrograms, type Program } from '../program.js'
import { waitUntilQuiet } from '../quiet.js'
import { runRush } from '../rush.js'
import type { Experiment, Figures, Side, Stage } from '../types.js'

const USERS = 20
const PER_SECOND = 100
/** A click reaches each of them: people click again, and gateways repeat. */
const INSTANCES = 3
const EXPORT_MS = 50
/** Clicks, and the instance dies while the export runs; then clicks at another one until the answer is 202, or no more. */
const UNLUCKY = 42
const CLICKS_AGAIN = 10
const AGAIN_MS = 100

interface Run {
  click: number
  user: number
  instance: Program
  begun: number
  /** When it ended or died; in the order in which things happened, as are all such numbers here. */
  ended: number | undefined
  isFinished: boolean
}

interface Click {
  user: number
  isAccepted: boolean
}

/** Sees every export begin and end. Whoever begins or ends one waits for the answer, so no two events change places. */
class Witness {
  readonly clicks: Click[] = []
  readonly runs: Run[] = []
  events = 0
  mostAtOnce = 0
  /** From the kill until the export that it interrupted began again. */
  continuedMs: number | undefined
  #killed: { click: number; at: number } | undefined

  async follow(what: string, click: number, instance: Program): Promise<void> {
    if (!instance.isAlive) return
    if (what === 'ended') return this.#end(click, instance)
    const user = this.clicks[click]?.user ?? 0
    this.#begin({ click, user, instance, begun: this.events++, ended: undefined, isFinished: false })
    if (user === UNLUCKY && this.#killed === undefined) await this.#kill(click, instance)
    await new Promise((resolve) => setTimeout(resolve, EXPORT_MS))
  }

  #begin(run: Run): void {
    this.runs.push(run)
    const beside = this.runs.filter(({ user, ended }) => user === run.user && ended === undefined)
    this.mostAtOnce = Math.max(this.mostAtOnce, beside.length)
    if (run.click === this.#killed?.click) this.continuedMs ??= Math.round(performance.now() - this.#killed.at)
  }

  #end(click: number, instance: Program): void {
    const run = this.runs.find((each) => each.click === click && each.instance === instance && each.ended === undefined)
    if (run) Object.assign(run, { ended: this.events++, isFinished: true })
  }

  async #kill(click: number, instance: Program): Promise<void> {
    this.#killed = { click, at: performance.now() }
    // What ran there is over from now on; another instance may begin before we hear of the exit.
    const killed = instance.kill()
    for (const run of this.runs) if (run.instance === instance) run.ended ??= this.events++
    await killed
  }

  get isKilled(): boolean {
    return this.#killed !== undefined
  }

  isAllDone(): boolean {
    const finished = new Set(this.runs.filter(({ isFinished }) => isFinished).map(({ click }) => click))
    return this.clicks.every(({ isAccepted }, click) => !isAccepted || finished.has(click))
  }
}

async function click(witness: Witness, instance: Program, user: number): Promise<boolean> {
  const entry = { user, isAccepted: false }
  const id = witness.clicks.push(entry) - 1
  // An instance that dies has answered the click before: its export had begun.
  entry.isAccepted = (await instance.call('click', { id, user }).catch(() => true)) as boolean
  return entry.isAccepted
}

/** The server needs a moment to see that a killed process's session is over. */
async function clickAgain(witness: Witness, instance: Program, user: number): Promise<void> {
  for (let clicks = 0; clicks < CLICKS_AGAIN; clicks++) {
    if (await click(witness, instance, user)) return
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
  }
}

/** Three clicks per user at once, one at each instance; then an instance dies under an export, and its user clicks again. */
async function clickImpatiently(stage: Stage, side: string, users: number): Promise<Figures> {
  const witness = new Witness()
  const instances = await startPrograms(INSTANCES, {
    name: 'export-server',
    options: { url: stage.url, side },
    onCall: async (what, id, instance) => await witness.follow(what, id, instance),
  })
  const quiet = { countMoves: () => witness.events, signal: stage.signal }
  try {
    await runRush({ ...stage, arrivals: users, perSecond: PER_SECOND }, async (visit) => {
      await Promise.all(instances.map(async (instance) => await click(witness, instance, UNLUCKY + 1 + visit)))
    })
    await waitUntilQuiet({ ...quiet, isDone: () => witness.isAllDone() })
    await click(witness, instances[0] as Program, UNLUCKY)
    await waitUntilQuiet({ ...quiet, isDone: () => witness.isKilled })
    await clickAgain(witness, instances.find(({ isAlive }) => isAlive) as Program, UNLUCKY)
    await waitUntilQuiet({ ...quiet, isDone: () => witness.isAllDone() })
  } finally {
    await killAll(instances)
  }
  await writeDown(stage, witness)
  return describe(witness)
}

async function writeDown({ db }: Stage, { clicks, runs }: Witness): Promise<void> {
  for (const [id, { user, isAccepted }] of clicks.entries())
    await db.sql`insert into click values (${id}, ${user}, ${isAccepted ? 202 : 409})`
  for (const { click, user, begun, ended, isFinished } of runs)
    await db.sql`insert into run values (${click}, ${user}, ${begun}, ${ended ?? null}, ${isFinished})`
}

function describe({ clicks, runs, mostAtOnce, continuedMs }: Witness): Figures {
  const accepted = clicks.filter(({ isAccepted }) => isAccepted).length
  return {
    clicks: clicks.length,
    answered_202: accepted,
    answered_409: clicks.length - accepted,
    exports: runs.length,
    finished: runs.filter(({ isFinished }) => isFinished).length,
    most_at_once: mostAtOnce,
    ...(continuedMs !== undefined && { continued_ms: continuedMs }),
  }
}

const describeSides = (users: number): Side[] =>
  [
    { name: 'naive', what: 'a flag per user: select whether it is set, set it, run, clear it' },
    { name: 'mutex', what: 'a set of the running users in each process' },
    { name: 'atomic flag', what: 'the flag looked at and set in one statement' },
    { name: 'advisory lock', what: 'pg_try_advisory_lock on a connection kept for the export' },
    { name: 'protected', what: `jobs.send with key 'user:42:export', perKey: 1` },
  ].map(({ name, what }) => ({ name, what, run: async (stage) => await clickImpatiently(stage, name, users) }))

/** With fewer users for tests. */
export const createExclusiveProcess = (users = USERS): Experiment => ({
  name: 'exclusive-process',
  story:
    'An export takes minutes, so people click again, and another instance runs it a second time. Then an instance died, and since that day user 42 is told that the export is running.',
  scratch: 'database',
  setup: `
    create table account (id int primary key, exporting boolean not null default false);
    insert into account select generate_series(${UNLUCKY}, ${UNLUCKY + users});
    create table click (id int primary key, user_id int not null, status int not null);
    create table run (click_id int not null, user_id int not null, begun int not null, ended int, is_finished boolean not null);`,
  invariants: [
    {
      name: 'never two exports of one user at once',
      sql: `select a.user_id, count(*) as clashes from run a join run b on b.user_id = a.user_id and b.begun > a.begun
            where b.begun < coalesce(a.ended, b.begun + 1) group by a.user_id`,
    },
    {
      name: 'every click answered 202 ends in a finished export',
      sql: `select c.user_id, count(*) as lost_exports from click c where status = 202
            and not exists (select from run r where r.click_id = c.id and is_finished) group by c.user_id`,
    },
    {
      name: 'everyone can export again after the crash',
      sql: `select distinct user_id from click c
            where not exists (select from run r where r.user_id = c.user_id and is_finished)`,
    },
  ],
  sides: describeSides(users),
  conclude: (figures) => {
    const read = (side: string, name: string) => figures.get(side)?.[name] ?? 0
    return (
      `Exports of one user at once: naive ${read('naive', 'most_at_once')}, mutex ${read('mutex', 'most_at_once')}, ` +
      `protected ${read('protected', 'most_at_once')}. A flag stays set for ever when its instance dies; the export that ran ` +
      `there is lost on every side but protected, where another instance began it again after ` +
      `${read('protected', 'continued_ms')} ms.`
    )
  },
})

export const exclusiveProcess = createExclusiveProcess()
