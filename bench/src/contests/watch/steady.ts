import { connect, type Db } from 'holdfast'
import { createRandom } from 'holdfast/prove'
import { watch } from 'holdfast/watch'
import { judgeCount } from '../../harness/statistics.js'
import type { ContestInput } from '../../harness/types.js'
import { openScratch, silent, toRow, type Part } from './scratch.js'

const LANES = 8
const EXECUTIONS = 200_000

/** One account has a third of all rows and is asked for rarely; some have many; most have few. Rows come, and statistics with them. */
const setup = `
  create table ledger (id int generated always as identity primary key, account int, kind text, amount numeric, at timestamptz, raw text);
  insert into ledger (account, kind, amount, at, raw)
    select case when n % 3 = 0 then 1 when n % 50 = 1 then 2 + n % 10 else 20 + n % 5000 end,
           case when n % 200 = 0 then 'fee' else 'order' end, n, now() - n * interval '1 second', repeat('x', 60)
      from generate_series(1, 150000) n;
  create index ledger_account on ledger (account);
  create index ledger_at on ledger (at);
  alter table ledger set (autovacuum_analyze_scale_factor = 0.005);
  analyze ledger`

type Kind = [share: number, text: string, values: (random: () => number) => unknown[]]

const pick = (random: () => number): number => {
  const dice = random()
  if (dice < 0.001) return 1
  return dice < 0.05 ? 2 + Math.floor(random() * 10) : 20 + Math.floor(random() * 5_000)
}

const kinds: readonly Kind[] = [
  [0.4, 'select * from ledger where account = $1 order by at desc limit 10', (random) => [pick(random)]],
  [0.2, 'select count(*), sum(amount) from ledger where account = $1', (random) => [pick(random)]],
  [0.3, 'select amount from ledger where id = $1', (random) => [Math.ceil(random() * 150_000)]],
  [
    0.08,
    `select * from ledger where at > now() - $1 * interval '1 second' order by at desc limit 20`,
    (random) => [random() * 1e5],
  ],
  [
    0.02,
    `insert into ledger (account, kind, amount, at, raw) values ($1, 'order', 1, now(), 'x')`,
    (random) => [pick(random)],
  ],
]

/** Traffic that stays as it is, whatever the values: nothing is to be found in it. */
export async function measureSteady({
  url,
  progress,
  quick,
}: Pick<ContestInput, 'url' | 'progress' | 'quick'>): Promise<Part> {
  const scratch = await openScratch(url)
  const db = await connect({ url: scratch.url, pool: { max: LANES }, logger: silent })
  try {
    await db.migrate()
    await db.query(setup)
    const alerts: string[] = []
    const onFinding = ({ kind, sentence }: { kind: string; sentence: string }) => alerts.push(`${kind}: ${sentence}`)
    const watching = await watch(db, { logger: silent, flushMs: 10_000, onFinding })
    const executions = quick ? EXECUTIONS / 20 : EXECUTIONS
    await runTraffic(db, executions)
    const plans = watching.stats().plans
    await watching.stop()
    for (const alert of alerts) progress(alert)
    progress(`${executions} executions of steady traffic, ${plans?.explained} explained, ${alerts.length} alerts`)
    const rows = [
      toRow('steady traffic', 'executions', executions),
      toRow('steady traffic', 'explained', plans?.explained ?? 0),
    ]
    return { rows, checks: [judgeCount('steady_false_alerts', alerts.length, { atMost: 0 })] }
  } finally {
    await db.close()
    await scratch.drop()
  }
}

async function runTraffic(db: Db, executions: number): Promise<void> {
  const random = createRandom(7)
  let left = executions
  const lane = async () => {
    while (left-- > 0) {
      const [, text, values] = choose(random())
      await db.query(text, values(random))
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
}

function choose(dice: number): Kind {
  let rest = dice
  for (const kind of kinds) {
    rest -= kind[0]
    if (rest < 0) return kind
  }
  return kinds[0] as Kind
}
