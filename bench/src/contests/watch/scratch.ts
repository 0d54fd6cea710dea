import pg from 'pg'
import type { Check, Row } from '../../harness/types.js'

/** What a part of the contest gives. */
export interface Part {
  rows: Row[]
  checks: Check[]
}

export const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** A figure that was taken once. */
export function toRow(subject: string, metric: string, value: number): Row {
  return { subject, metric, unit: metric, median: value, min: value, max: value, runs: 1, samples: [value] }
}

/** A database of its own. */
export async function openScratch(url: string): Promise<{ url: string; drop: () => Promise<void> }> {
  const name = `bench_watch_${process.pid}_${(counter.next++).toString()}`
  await runAside(url, `create database ${name}`)
  const own = new URL(url)
  own.pathname = `/${name}`
  return { url: own.href, drop: async () => await runAside(url, `drop database ${name} with (force)`) }
}

const counter = { next: 0 }

export async function runAside(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}
