// All SQL of prove besides what the experiments themselves are about.

import type { Queryable } from '../core/index.js'

export async function createScratchSchema(db: Queryable, schema: string): Promise<void> {
  await db.query(`/* holdfast:prove.create-schema */ create schema ${schema}`)
}

export async function dropScratchSchema(db: Queryable, schema: string): Promise<void> {
  await db.query(`/* holdfast:prove.drop-schema */ drop schema if exists ${schema} cascade`)
}

/** From template0: somebody's open session in template1 would be in the way. */
export async function createScratchDatabase(db: Queryable, name: string): Promise<void> {
  await db.query(`/* holdfast:prove.create-database */ create database ${name} template template0`)
}

/** With force: processes that were killed may still have sessions for a moment. */
export async function dropScratchDatabase(db: Queryable, name: string): Promise<void> {
  await db.query(`/* holdfast:prove.drop-database */ drop database if exists ${name} with (force)`)
}
