// All SQL of prove besides what the experiments themselves are about.

import type { Queryable } from '../core/index.js'

export async function createScratch(db: Queryable, schema: string): Promise<void> {
  await db.query(`/* holdfast:prove.create-scratch */ create schema ${schema}`)
}

export async function dropScratch(db: Queryable, schema: string): Promise<void> {
  await db.query(`/* holdfast:prove.drop-scratch */ drop schema if exists ${schema} cascade`)
}
