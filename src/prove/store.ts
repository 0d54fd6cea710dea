// All SQL of prove besides what the experiments themselves are about.

import type { Queryable } from '../core/index.js'
import type { ExperimentInvariant } from './types.js'

export async function createScratch(db: Queryable, schema: string): Promise<void> {
  await db.query(`/* holdfast:prove.create-scratch */ create schema ${schema}`)
}

export async function dropScratch(db: Queryable, schema: string): Promise<void> {
  await db.query(`/* holdfast:prove.drop-scratch */ drop schema if exists ${schema} cascade`)
}

/** The rows that break the invariant, at most three. */
export async function findViolations(db: Queryable, { sql }: ExperimentInvariant): Promise<Record<string, unknown>[]> {
  const text = `/* holdfast:prove.find-violations */ select * from (${sql}) as violation limit 3`
  return (await db.query(text)).rows
}
