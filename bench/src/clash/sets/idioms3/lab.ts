import { and, eq, gte, isNull, sql } from 'drizzle-orm'
import { integer, pgTable, text, timestamp } from 'drizzle-orm/pg-core'
import { drizzleCase, type ClashCase } from '../../corpus.js'

const samples = pgTable('samples', {
  id: integer('id').primaryKey(),
  barcode: text('barcode').notNull(),
  status: text('status').notNull(),
  volumeUl: integer('volume_ul').notNull(),
  notes: text('notes').notNull(),
  version: integer('version').notNull(),
})

const aliquots = pgTable('aliquots', {
  id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
  sampleId: integer('sample_id').notNull(),
  volumeUl: integer('volume_ul').notNull(),
  takenBy: text('taken_by').notNull(),
})

const slots = pgTable('slots', {
  id: integer('id').primaryKey(),
  freezer: text('freezer').notNull(),
  sampleId: integer('sample_id'),
})

const instruments = pgTable('instruments', {
  id: integer('id').primaryKey(),
  name: text('name').notNull(),
  lastSeenAt: timestamp('last_seen_at', { withTimezone: true }),
  runs: integer('runs').notNull(),
})

const lab = drizzleCase({
  name: 'lab-samples',
  schema: `
    create table samples (
      id int primary key,
      barcode text not null unique,
      status text not null,
      volume_ul int not null,
      notes text not null default '',
      version int not null default 1
    );
    create table aliquots (
      id int generated always as identity primary key,
      sample_id int not null references samples,
      volume_ul int not null,
      taken_by text not null
    );
    create table slots (id int primary key, freezer text not null, sample_id int references samples);
    create table instruments (id int primary key, name text not null, last_seen_at timestamptz, runs int not null default 0);
  `,
  seed: `
    insert into samples (id, barcode, status, volume_ul) values
      (401, 'S-0401', 'stored', 500), (402, 'S-0402', 'stored', 120), (403, 'S-0403', 'discarded', 80), (404, 'S-0404', 'received', 900);
    insert into slots values (71, 'minus80-a', null), (72, 'minus80-a', 402), (73, 'minus80-b', null), (74, 'minus80-b', null);
    insert into instruments (id, name) values (31, 'centrifuge'), (32, 'sequencer');
  `,
  routes: {
    'POST /samples/:sample/aliquots': async (db, input) => {
      const id = Number(input.sample)
      const volume = Number(input.volume)
      return await db.transaction(async (tx) => {
        const [sample] = await tx.select().from(samples).where(eq(samples.id, id))
        if (!sample) return { status: 404 }
        if (sample.status === 'discarded' || sample.volumeUl < volume) return { status: 409 }
        await tx.insert(aliquots).values({ sampleId: id, volumeUl: volume, takenBy: String(input.by) })
        await tx
          .update(samples)
          .set({ volumeUl: sample.volumeUl - volume })
          .where(eq(samples.id, id))
        return { status: 201 }
      })
    },
    'POST /samples/:sample/splits': async (db, input) => {
      const id = Number(input.sample)
      const volume = Number(input.volume)
      return await db.transaction(async (tx) => {
        const taken = await tx
          .update(samples)
          .set({ volumeUl: sql`${samples.volumeUl} - ${volume}` })
          .where(and(eq(samples.id, id), gte(samples.volumeUl, volume)))
          .returning({ left: samples.volumeUl })
        if (taken.length === 0) return { status: 409 }
        await tx.insert(aliquots).values({ sampleId: id, volumeUl: volume, takenBy: String(input.by) })
        return { status: 201, body: taken[0] }
      })
    },
    'PUT /slots/:slot/sample': async (db, input) => {
      const id = Number(input.slot)
      const [slot] = await db.select().from(slots).where(eq(slots.id, id)).limit(1)
      if (!slot) return { status: 404 }
      if (slot.sampleId !== null) return { status: 409, body: { takenBy: slot.sampleId } }
      await db
        .update(slots)
        .set({ sampleId: Number(input.sample) })
        .where(eq(slots.id, id))
      return { status: 200 }
    },
    'POST /slots/:slot/store': async (db, input) => {
      const id = Number(input.slot)
      const [slot] = await db.select().from(slots).where(eq(slots.id, id)).limit(1)
      if (!slot) return { status: 404 }
      const stored = await db
        .update(slots)
        .set({ sampleId: Number(input.sample) })
        .where(and(eq(slots.id, id), isNull(slots.sampleId)))
        .returning({ id: slots.id })
      return { status: stored.length === 1 ? 200 : 409 }
    },
    'PATCH /samples/:sample/notes': async (db, input) => {
      const id = Number(input.sample)
      const [sample] = await db.select().from(samples).where(eq(samples.id, id))
      if (!sample) return { status: 404 }
      if (sample.version !== Number(input.version)) return { status: 412, body: { version: sample.version } }
      await db
        .update(samples)
        .set({ notes: String(input.notes), version: sample.version + 1 })
        .where(eq(samples.id, id))
      return { status: 200 }
    },
    'PATCH /samples/:sample': async (db, input) => {
      const id = Number(input.sample)
      const version = Number(input.version)
      const changed = await db
        .update(samples)
        .set({ notes: String(input.notes), version: version + 1 })
        .where(and(eq(samples.id, id), eq(samples.version, version)))
        .returning()
      return changed[0] ? { status: 200, body: changed[0] } : { status: 412 }
    },
    'POST /instruments/:instrument/heartbeat': async (db, input) => {
      const id = Number(input.instrument)
      const [instrument] = await db.select({ id: instruments.id }).from(instruments).where(eq(instruments.id, id))
      if (!instrument) return { status: 404 }
      await db.update(instruments).set({ lastSeenAt: new Date() }).where(eq(instruments.id, id))
      return { status: 204 }
    },
    'POST /instruments/:instrument/runs': async (db, input) => {
      const id = Number(input.instrument)
      const [instrument] = await db.select().from(instruments).where(eq(instruments.id, id))
      if (!instrument) return { status: 404 }
      await db
        .update(instruments)
        .set({ runs: sql`${instruments.runs} + 1`, lastSeenAt: new Date() })
        .where(eq(instruments.id, id))
      return { status: 200, body: { runs: instrument.runs + 1 } }
    },
  },
  traffic: [
    ['POST /samples/:sample/aliquots', { sample: 401, volume: 35, by: 'tech-a' }],
    ['POST /samples/:sample/aliquots', { sample: 403, volume: 10, by: 'tech-b' }],
    ['POST /samples/:sample/splits', { sample: 404, volume: 45, by: 'tech-a' }],
    ['POST /samples/:sample/splits', { sample: 402, volume: 950, by: 'tech-b' }],
    ['PUT /slots/:slot/sample', { slot: 71, sample: 404 }],
    ['PUT /slots/:slot/sample', { slot: 72, sample: 404 }],
    ['POST /slots/:slot/store', { slot: 74, sample: 401 }],
    ['POST /slots/:slot/store', { slot: 74, sample: 403 }],
    ['PATCH /samples/:sample/notes', { sample: 401, version: 1, notes: 'haemolysed' }],
    ['PATCH /samples/:sample/notes', { sample: 401, version: 1, notes: 'turbid' }],
    ['PATCH /samples/:sample', { sample: 402, version: 1, notes: 'thawed once' }],
    ['PATCH /samples/:sample', { sample: 402, version: 1, notes: 'thawed twice' }],
    ['POST /instruments/:instrument/heartbeat', { instrument: 31 }],
    ['POST /instruments/:instrument/runs', { instrument: 32 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'lost update in a transaction',
      first: ['POST /samples/:sample/aliquots', { sample: 404, volume: 110, by: 'tech-c' }],
      second: ['POST /samples/:sample/aliquots', { sample: 404, volume: 130, by: 'tech-d' }],
    },
    {
      label: 'safe',
      kind: 'conditional decrement',
      first: ['POST /samples/:sample/splits', { sample: 402, volume: 70, by: 'tech-c' }],
      second: ['POST /samples/:sample/splits', { sample: 402, volume: 90, by: 'tech-d' }],
    },
    {
      label: 'clash',
      kind: 'free place checked, then taken without a condition',
      first: ['PUT /slots/:slot/sample', { slot: 73, sample: 401 }],
      second: ['PUT /slots/:slot/sample', { slot: 73, sample: 404 }],
    },
    {
      label: 'safe',
      kind: 'the free place is in the condition',
      first: ['POST /slots/:slot/store', { slot: 73, sample: 401 }],
      second: ['POST /slots/:slot/store', { slot: 73, sample: 404 }],
    },
    {
      label: 'clash',
      kind: 'version bumped, not compared by the write',
      first: ['PATCH /samples/:sample/notes', { sample: 404, version: 1, notes: 'clotted' }],
      second: ['PATCH /samples/:sample/notes', { sample: 404, version: 1, notes: 'relabelled' }],
    },
    {
      label: 'safe',
      kind: 'version compared by the write',
      first: ['PATCH /samples/:sample', { sample: 404, version: 1, notes: 'clotted' }],
      second: ['PATCH /samples/:sample', { sample: 404, version: 1, notes: 'relabelled' }],
    },
    {
      label: 'safe',
      kind: 'last seen',
      first: ['POST /instruments/:instrument/heartbeat', { instrument: 31 }],
      second: ['POST /instruments/:instrument/heartbeat', { instrument: 31 }],
    },
    {
      label: 'safe',
      kind: 'relative counter after a read for the answer',
      first: ['POST /instruments/:instrument/runs', { instrument: 31 }],
      second: ['POST /instruments/:instrument/runs', { instrument: 31 }],
    },
  ],
})

export const cases: ClashCase[] = [lab]
