import { connectTo, coreError, type Db } from '../core/index.js'
import { startEmbedded } from '../embedded/index.js'

/**
 * The database a command works on; the embedded server is started, or joined where it runs, when no URL is given.
 * `settings` are those of a server that is started for it.
 */
export async function resolveUrl(
  given: string | undefined,
  settings: Record<string, string> = {},
): Promise<{ url: string; stop: () => Promise<void> }> {
  const url = given ?? process.env['DATABASE_DIRECT_URL'] ?? process.env['DATABASE_URL']
  if (url !== undefined) return { url, stop: async () => {} }
  if (process.env['NODE_ENV'] === 'production') {
    throw coreError(
      'HF_CONNECT_URL_MISSING',
      'NODE_ENV is production and no database URL was given; the embedded PostgreSQL is for development only.',
    )
  }
  return await startEmbedded({ settings })
}

/** Runs `work` with a connected database and ends everything afterwards. */
export async function withDatabase<T>(given: string | undefined, work: (db: Db) => Promise<T>): Promise<T> {
  const { url, stop } = await resolveUrl(given)
  try {
    const options = { url, directUrl: url, applicationName: 'holdfast-cli', pool: { max: 2 } }
    const db = await connectTo(options, { isTool: true })
    try {
      return await work(db)
    } finally {
      await db.close()
    }
  } finally {
    await stop()
  }
}
