import { connect } from 'holdfast'

export interface Databases {
  urlOf(subject: string): string
  drop(): Promise<void>
}

/** A database for each subject: one that waits must not take or hear of what a twin that is being measured has. */
export async function createDatabases(url: string, contest: string, subjects: readonly string[]): Promise<Databases> {
  const db = await connect({ url })
  const names = new Map(subjects.map((subject) => [subject, `bench_${contest}_${subject.replaceAll(/\W/g, '_')}`]))
  const dropAll = async () => {
    for (const name of names.values()) await db.query(`drop database if exists "${name}" with (force)`)
  }
  await dropAll()
  for (const name of names.values()) await db.query(`create database "${name}"`)
  return {
    urlOf: (subject) => {
      const own = new URL(url)
      own.pathname = `/${names.get(subject)}`
      return own.href
    },
    drop: async () => {
      await dropAll()
      await db.close()
    },
  }
}
