import pg from 'pg'
import type { ClashCase } from './corpus.js'

let made = 0

/** A database of a case's own, with its rows. */
export async function makeDatabase(
  url: string,
  { schema, seed }: Pick<ClashCase, 'schema' | 'seed'>,
): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `bench_clash_${process.pid}_${++made}`
  await run(url, `create database ${name}`)
  const own = new URL(url)
  own.pathname = `/${name}`
  await run(own.href, `${schema};\n${seed}`)
  return { url: own.href, drop: async () => await run(url, `drop database if exists ${name} with (force)`) }
}

async function run(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}
