import { openClashLab, type ClashLab, type ReplayOptions, type ReplayReport } from 'holdfast/clash'
import pg from 'pg'
import postgres from 'postgres'
import type { App, Call, ClashCase, LabelledPair } from './corpus.js'
import { makeDatabase } from './database.js'

/** A case on a database of its own, ready to be replayed. */
export async function openCase(url: string, given: ClashCase): Promise<ClashLab<App>> {
  const database = await makeDatabase(url, given)
  const sql = postgres(database.url)
  const lab = await openClashLab<App>({
    url: database.url,
    clone: false,
    open: async (clone) => await given.open(clone),
    drivers: [pg, sql],
  })
  return {
    ...lab,
    close: async () => {
      await lab.close()
      await sql.end()
      await database.drop()
    },
  }
}

export const toRequest = ([route, input]: Call) => ({
  name: route,
  run: async (app: App) => await app.call(route, input),
})

export const replayPair = async (
  lab: ClashLab<App>,
  { first, second }: Pick<LabelledPair, 'first' | 'second'>,
  options?: ReplayOptions,
): Promise<ReplayReport> => await lab.replay(toRequest(first), toRequest(second), options)
