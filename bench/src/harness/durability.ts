import { connect } from 'holdfast'
import type { ContestInput } from './types.js'

/** A rate of a server that may lose commits means nothing. */
export async function refuseLossyServer({ url }: Pick<ContestInput, 'url'>): Promise<void> {
  const db = await connect({ url })
  try {
    for (const name of ['fsync', 'synchronous_commit']) {
      const { rows } = await db.query<{ value: string }>('select current_setting($1) as value', [name])
      if (rows[0]?.value !== 'on') throw new Error(`The server runs with ${name} = ${rows[0]?.value}; it must be on.`)
    }
  } finally {
    await db.close()
  }
}
