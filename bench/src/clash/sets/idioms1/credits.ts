import { and, eq, gte, sql, TransactionRollbackError } from 'drizzle-orm'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import { boolean, integer, pgTable, primaryKey, serial, text } from 'drizzle-orm/pg-core'
import { type ClashCase, drizzleCase } from '../../corpus.js'

const MAX_KEYS = 3
const ATTEMPTS = 5

const workspaces = pgTable('workspaces', {
  id: serial('id').primaryKey(),
  ownerId: integer('owner_id').notNull(),
  name: text('name').notNull(),
  credits: integer('credits').notNull().default(0),
})

const apiKeys = pgTable('api_keys', {
  id: serial('id').primaryKey(),
  workspaceId: integer('workspace_id').notNull(),
  label: text('label').notNull(),
  revoked: boolean('revoked').notNull().default(false),
})

const usage = pgTable(
  'usage',
  {
    workspaceId: integer('workspace_id').notNull(),
    day: text('day').notNull(),
    calls: integer('calls').notNull().default(0),
  },
  (table) => [primaryKey({ columns: [table.workspaceId, table.day] })],
)

const settings = pgTable('settings', {
  id: serial('id').primaryKey(),
  workspaceId: integer('workspace_id').notNull(),
  key: text('key').notNull(),
  value: text('value').notNull(),
})

/** Drizzle wraps the error of the driver. */
function isSerializationFailure(error: unknown): boolean {
  const { code, cause } = error as { code?: string; cause?: { code?: string } }
  return (code ?? cause?.code) === '40001'
}

type Transaction = Parameters<Parameters<NodePgDatabase['transaction']>[0]>[0]

async function retrySerializable<T>(db: NodePgDatabase, run: (tx: Transaction) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction(run, { isolationLevel: 'serializable' })
    } catch (error) {
      if (attempt === ATTEMPTS || !isSerializationFailure(error)) throw error
    }
  }
}

async function addKey(tx: Transaction, workspaceId: number, label: string) {
  const active = await tx
    .select({ id: apiKeys.id })
    .from(apiKeys)
    .where(and(eq(apiKeys.workspaceId, workspaceId), eq(apiKeys.revoked, false)))
  if (active.length >= MAX_KEYS) return { status: 403, body: { error: 'Key limit reached' } }
  await tx.insert(apiKeys).values({ workspaceId, label })
  return { status: 201 }
}

const credits = drizzleCase({
  name: 'workspaces with credits on drizzle',
  schema: `
    create table workspaces (
      id serial primary key,
      owner_id int not null,
      name text not null,
      credits int not null default 0
    );
    create table api_keys (
      id serial primary key,
      workspace_id int not null references workspaces (id),
      label text not null,
      revoked boolean not null default false
    );
    create table usage (
      workspace_id int not null references workspaces (id),
      day text not null,
      calls int not null default 0,
      primary key (workspace_id, day)
    );
    create table settings (
      id serial primary key,
      workspace_id int not null references workspaces (id),
      key text not null,
      value text not null
    );
  `,
  seed: `
    insert into workspaces (owner_id, name, credits) values (1, 'Acme', 100), (2, 'Globex', 40), (3, 'Initech', 0);
    insert into api_keys (workspace_id, label) values (1, 'ci'), (1, 'prod'), (3, 'a'), (3, 'b'), (3, 'c');
    insert into usage values (1, '2026-03-01', 12);
    insert into settings (workspace_id, key, value) values (2, 'theme', 'dark');
  `,
  routes: {
    'POST /workspaces/:id/generate': async (db, input) => {
      const cost = Number(input.cost)
      const [workspace] = await db
        .select()
        .from(workspaces)
        .where(eq(workspaces.id, Number(input.id)))
      if (!workspace) return { status: 404 }
      if (workspace.credits < cost) return { status: 402, body: { error: 'Not enough credits' } }
      await db
        .update(workspaces)
        .set({ credits: workspace.credits - cost })
        .where(eq(workspaces.id, workspace.id))
      return { status: 200, body: { credits: workspace.credits - cost } }
    },

    'POST /workspaces/:id/spend': async (db, input) => {
      const cost = Number(input.cost)
      const [left] = await db
        .update(workspaces)
        .set({ credits: sql`${workspaces.credits} - ${cost}` })
        .where(and(eq(workspaces.id, Number(input.id)), gte(workspaces.credits, cost)))
        .returning({ credits: workspaces.credits })
      return left ? { status: 200, body: left } : { status: 402 }
    },

    'POST /workspaces/:id/gift': async (db, input) => {
      const amount = Number(input.amount)
      return await db
        .transaction(async (tx) => {
          const [giver] = await tx
            .update(workspaces)
            .set({ credits: sql`${workspaces.credits} - ${amount}` })
            .where(eq(workspaces.id, Number(input.id)))
            .returning()
          if (!giver || giver.credits < 0) tx.rollback()
          await tx
            .update(workspaces)
            .set({ credits: sql`${workspaces.credits} + ${amount}` })
            .where(eq(workspaces.id, Number(input.to)))
          return { status: 200 }
        })
        .catch((error: unknown) => {
          if (error instanceof TransactionRollbackError) return { status: 402 }
          throw error
        })
    },

    'POST /usage': async (db, input) => {
      await db
        .insert(usage)
        .values({ workspaceId: Number(input.workspaceId), day: String(input.day), calls: 1 })
        .onConflictDoUpdate({ target: [usage.workspaceId, usage.day], set: { calls: sql`${usage.calls} + 1` } })
      return { status: 202 }
    },

    'POST /workspaces/:id/keys': async (db, input) =>
      await retrySerializable(db, async (tx) => await addKey(tx, Number(input.id), String(input.label))),

    'POST /workspaces/:id/tokens': async (db, input) =>
      await db.transaction(async (tx) => await addKey(tx, Number(input.id), String(input.label)), {
        isolationLevel: 'repeatable read',
      }),

    'DELETE /keys/:id': async (db, input) => {
      const [key] = await db
        .select({ ownerId: workspaces.ownerId, revoked: apiKeys.revoked })
        .from(apiKeys)
        .innerJoin(workspaces, eq(workspaces.id, apiKeys.workspaceId))
        .where(eq(apiKeys.id, Number(input.id)))
      if (!key) return { status: 404 }
      if (key.ownerId !== input.userId) return { status: 403 }
      await db
        .update(apiKeys)
        .set({ revoked: true })
        .where(eq(apiKeys.id, Number(input.id)))
      return { status: 204 }
    },

    'PUT /workspaces/:id/settings/:key': async (db, input) => {
      const workspaceId = Number(input.id)
      const key = String(input.key)
      const value = String(input.value)
      await db.transaction(async (tx) => {
        const [setting] = await tx
          .select()
          .from(settings)
          .where(and(eq(settings.workspaceId, workspaceId), eq(settings.key, key)))
          .for('update')
        if (setting) await tx.update(settings).set({ value }).where(eq(settings.id, setting.id))
        else await tx.insert(settings).values({ workspaceId, key, value })
      })
      return { status: 200 }
    },
  },
  traffic: [
    ['POST /workspaces/:id/generate', { id: 2, cost: 5 }],
    ['POST /workspaces/:id/generate', { id: 3, cost: 5 }],
    ['POST /workspaces/:id/spend', { id: 1, cost: 3 }],
    ['POST /workspaces/:id/spend', { id: 3, cost: 3 }],
    ['POST /workspaces/:id/gift', { id: 1, to: 3, amount: 10 }],
    ['POST /workspaces/:id/gift', { id: 3, to: 1, amount: 500 }],
    ['POST /usage', { workspaceId: 1, day: '2026-03-01' }],
    ['POST /usage', { workspaceId: 2, day: '2026-03-01' }],
    ['POST /workspaces/:id/keys', { id: 2, label: 'laptop' }],
    ['POST /workspaces/:id/keys', { id: 3, label: 'd' }],
    ['POST /workspaces/:id/tokens', { id: 2, label: 'phone' }],
    ['DELETE /keys/:id', { id: 3, userId: 3 }],
    ['DELETE /keys/:id', { id: 1, userId: 2 }],
    ['PUT /workspaces/:id/settings/:key', { id: 2, key: 'theme', value: 'light' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'credits spent twice',
      first: ['POST /workspaces/:id/generate', { id: 2, cost: 30 }],
      second: ['POST /workspaces/:id/generate', { id: 2, cost: 25 }],
    },
    {
      label: 'safe',
      kind: 'conditional update of the balance',
      first: ['POST /workspaces/:id/spend', { id: 2, cost: 30 }],
      second: ['POST /workspaces/:id/spend', { id: 2, cost: 25 }],
    },
    {
      label: 'safe',
      kind: 'taken first, looked at then, rolled back if below zero',
      first: ['POST /workspaces/:id/gift', { id: 2, to: 3, amount: 30 }],
      second: ['POST /workspaces/:id/gift', { id: 2, to: 1, amount: 25 }],
    },
    {
      label: 'safe',
      kind: 'upsert that adds',
      first: ['POST /usage', { workspaceId: 2, day: '2026-03-02' }],
      second: ['POST /usage', { workspaceId: 2, day: '2026-03-02' }],
    },
    {
      label: 'safe',
      kind: 'serializable with retry',
      first: ['POST /workspaces/:id/keys', { id: 1, label: 'x' }],
      second: ['POST /workspaces/:id/keys', { id: 1, label: 'y' }],
    },
    {
      label: 'clash',
      kind: 'repeatable read where only serializable helps',
      first: ['POST /workspaces/:id/tokens', { id: 1, label: 'x' }],
      second: ['POST /workspaces/:id/tokens', { id: 1, label: 'y' }],
    },
    {
      label: 'safe',
      kind: 'an idempotent constant after a check of the owner',
      first: ['DELETE /keys/:id', { id: 1, userId: 1 }],
      second: ['DELETE /keys/:id', { id: 1, userId: 1 }],
    },
    {
      label: 'clash',
      kind: 'for update of a row that is not there',
      first: ['PUT /workspaces/:id/settings/:key', { id: 1, key: 'theme', value: 'dark' }],
      second: ['PUT /workspaces/:id/settings/:key', { id: 1, key: 'theme', value: 'light' }],
    },
  ],
})

export const cases: ClashCase[] = [credits]
