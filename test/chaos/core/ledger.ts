import type { ChaosInvariant } from '../invariants.js'
import { Answer, chooseKind } from './protocol.js'
import type { ChaosServer } from './server.js'

interface Found {
  orders: Set<number>
  lines: Set<number>
  notes: Set<number>
}

/** Holds what was answered against what is there. */
export async function countBrokenPromises(
  server: ChaosServer,
  answers: Uint8Array,
): Promise<{ counts: Record<string, number>; invariants: ChaosInvariant[] }> {
  await awaitQuiet(server)
  const found = await readFound(server)
  const counts = { done: 0, failed: 0, unknown: 0, unknownAndThere: 0, unanswered: 0 }
  const broken = { absent: 0, present: 0, wrong: 0 }
  for (const [id, answer] of answers.entries()) {
    const isThere = chooseKind(id) === 'order' ? found.orders.has(id) : found.notes.has(id)
    const isWrite = chooseKind(id) !== 'read'
    if (answer === Answer.done) counts.done++
    if (answer === Answer.failed) counts.failed++
    if (answer === Answer.unknown) counts.unknown++
    if (answer === Answer.none) counts.unanswered++
    if (answer === Answer.wrong) broken.wrong++
    if (answer === Answer.unknown && isThere) counts.unknownAndThere++
    if (isWrite && answer === Answer.done && !isThere) broken.absent++
    if (isWrite && answer === Answer.failed && isThere) broken.present++
  }
  const halves = [...found.orders].filter((id) => !found.lines.has(id)).length
  const strays = [...found.lines].filter((id) => !found.orders.has(id)).length
  return {
    counts,
    invariants: [
      { name: 'every request is answered', violations: counts.unanswered },
      { name: 'what was answered with success is there', violations: broken.absent },
      { name: 'an acknowledged order is found when read', violations: broken.wrong },
      { name: 'what was answered as failed is not there', violations: broken.present },
      { name: 'no half of an order', violations: halves + strays },
    ],
  }
}

/** A statement that nobody waits for any more could still commit while we count. */
async function awaitQuiet(server: ChaosServer): Promise<void> {
  for (;;) {
    const rows = await server.query(
      `select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'chaos-app'`,
    )
    if (rows.length === 0) return
  }
}

async function readFound(server: ChaosServer): Promise<Found> {
  const read = async (text: string) => {
    const rows = await server.query<{ id: string }>(text)
    return new Set(rows.map(({ id }) => Number(id)))
  }
  return {
    orders: await read('select id from orders'),
    lines: await read('select order_id as id from order_lines'),
    notes: await read('select id from notes'),
  }
}
