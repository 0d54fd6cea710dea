import { once } from 'node:events'
import { connect } from 'holdfast'
import { createRandom } from 'holdfast/prove'
import type { ChaosServer } from '../core/server.js'
import { Crew, startProgram } from '../crew.js'
import { Tally, wait, type ChaosDocument, type ChaosInvariant, type ChaosOptions } from '../invariants.js'
import { injectUntil, openStage, serverFaults, workerFaults, type Faults } from '../scene.js'
import { KEYS } from './protocol.js'

export const DEFAULT_COUNT = 500_000

const PRODUCERS = 3
const WORKERS = 3
const LEASE_MS = 2_000
/** What is left after the last producer has ended must be done within this. */
const DRAIN_MS = 120_000

const faults: Faults = { ...workerFaults(LEASE_MS * 1.5), ...serverFaults }

/** Producers that commit, roll back and dawdle; workers that are killed, frozen and replaced; a server that crashes. */
export async function runJobs(
  { count, seed, report }: ChaosOptions,
  programs = new URL('./', import.meta.url),
): Promise<ChaosDocument> {
  const { server, proxy, url, close } = await openStage()
  const [random, tally, injected] = [createRandom(seed), new Tally(), new Tally()]
  try {
    await prepare(server)
    const started = performance.now()
    const options = {
      url,
      seed,
      count: Math.ceil(count / PRODUCERS),
      leaseMs: LEASE_MS,
    }
    const startWorker = () => startProgram(new URL('worker.js', programs), options)
    const crew = new Crew(WORKERS, startWorker, () => tally.add('workers that ended unasked'))
    const scene = { server, proxy, crew, random }
    const producing = Promise.all(
      Array.from({ length: PRODUCERS }, async (_, index) => {
        const producer = startProgram(new URL('producer.js', programs), { ...options, seed: index + 1 })
        producer.on('message', ({ sent }: { sent: number }) => tally.add('sent', sent))
        await once(producer, 'exit')
      }),
    )
    const pace = async () => await wait(300 + random() * 1_500)
    const tell = (name: string) => report(`${tally.get('sent')} sent; ${name}`)
    await injectUntil(producing, { scene, faults, injected, pace, report: tell })
    const isDrained = await waitUntilDrained(server)
    await crew.close()
    tally.add('seconds', Math.round((performance.now() - started) / 1_000))
    return {
      module: 'jobs',
      seed,
      counts: { ...tally.toRecord(), ...(await countAll(server)) },
      faults: injected.toRecord(),
      invariants: [
        ...(await judge(server)),
        { name: 'no worker ends by itself', violations: tally.get('workers that ended unasked') },
        { name: 'everything is done within two minutes of the last fault', violations: isDrained ? 0 : 1 },
      ],
    }
  } finally {
    await close()
  }
}

async function prepare(server: ChaosServer): Promise<void> {
  const db = await connect({ url: server.url() })
  await db.migrate()
  await db.query('create table chaos_intents (n bigint primary key)')
  await db.query('create table chaos_effects (kind text not null, n bigint not null)')
  await db.query('create table chaos_keys (key text primary key, value int not null default 0)')
  await db.query(`insert into chaos_keys select 'key:' || n from generate_series(0, ${KEYS - 1}) n`)
  await db.close()
}

async function waitUntilDrained(server: ChaosServer): Promise<boolean> {
  const endsAt = performance.now() + DRAIN_MS
  while (performance.now() < endsAt) {
    const text = `select exists (select from holdfast.jobs_ready) or exists (select from holdfast.jobs_later)
       or exists (select from holdfast.jobs_waiting) or exists (select from holdfast.jobs_claims) as is_left`
    const [row] = await server.query<{ is_left: boolean }>(text)
    if (row?.is_left === false) return true
    await wait(200)
  }
  return false
}

async function countAll(server: ChaosServer): Promise<Record<string, number>> {
  const text = `select (select count(*)::int from chaos_intents) as committed, (select count(*)::int from chaos_effects) as effects,
    (select count(*)::int from holdfast.jobs_dead) as dead`
  return (await server.query<{ committed: number; effects: number; dead: number }>(text))[0] as Record<string, number>
}

async function judge(server: ChaosServer): Promise<ChaosInvariant[]> {
  const count = async (text: string) =>
    (await server.query<{ amount: number }>(`select count(*)::int as amount from (${text}) v`))[0]?.amount as number
  return [
    {
      name: 'every committed job ran',
      violations:
        await count(`select n from chaos_intents i where not exists (select from chaos_effects e where e.n = i.n)
        and not exists (select from holdfast.jobs_dead d where (d.body ->> 'n')::bigint = i.n)`),
    },
    {
      name: 'no job of a rolled-back transaction ran',
      violations: await count(
        'select n from chaos_effects e where not exists (select from chaos_intents i where i.n = e.n)',
      ),
    },
    {
      name: 'effects of transactional jobs happened exactly once',
      violations: await count(
        `select n from chaos_effects where kind in ('tx', 'keyed') group by n having count(*) > 1`,
      ),
    },
    {
      name: 'no two jobs of a key ran at once',
      violations: await count(`select k.key from chaos_keys k
        where k.value <> (select count(*) from chaos_effects e
                           where e.kind = 'keyed' and 'key:' || e.n / 50 % ${KEYS} = k.key)`),
    },
    { name: 'no job died', violations: await count('select id from holdfast.jobs_dead') },
  ]
}
