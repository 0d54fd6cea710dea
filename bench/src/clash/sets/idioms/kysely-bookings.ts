import type { Generated } from 'kysely'
import { type ClashCase, kyselyCase } from '../../corpus.js'

interface CinemaTables {
  shows: { id: number; film: string; views: Generated<number> }
  seats: { show_id: number; seat: string; reserved_by: string | null }
}

const cinema = kyselyCase<CinemaTables>({
  name: 'idioms kysely cinema seats',
  schema: `
    create table shows (id int primary key, film text not null, views int not null default 0);
    create table seats (
      show_id int not null references shows,
      seat text not null,
      reserved_by text,
      primary key (show_id, seat)
    )`,
  seed: `
    insert into shows (id, film) values (1, 'Metropolis'), (2, 'Nosferatu');
    insert into seats values
      (1, 'A1', null), (1, 'A2', null), (1, 'A3', 'ada'), (1, 'B1', null), (2, 'A1', 'bob'), (2, 'A2', null)`,
  routes: {
    'POST /seats/reserve': async (db, input) => {
      const { showId, seat, guest } = input as { showId: number; seat: string; guest: string }
      const found = await db
        .selectFrom('seats')
        .selectAll()
        .where('show_id', '=', showId)
        .where('seat', '=', seat)
        .executeTakeFirst()
      if (!found) return { status: 404 }
      if (found.reserved_by !== null) return { status: 409 }
      await db
        .updateTable('seats')
        .set({ reserved_by: guest })
        .where('show_id', '=', showId)
        .where('seat', '=', seat)
        .execute()
      return { status: 200 }
    },
    'POST /v2/seats/reserve': async (db, input) => {
      const { showId, seat, guest } = input as { showId: number; seat: string; guest: string }
      const result = await db
        .updateTable('seats')
        .set({ reserved_by: guest })
        .where('show_id', '=', showId)
        .where('seat', '=', seat)
        .where('reserved_by', 'is', null)
        .executeTakeFirst()
      return { status: result.numUpdatedRows === 1n ? 200 : 409 }
    },
    'POST /seats/release': async (db, input) => {
      const { showId, seat, guest } = input as { showId: number; seat: string; guest: string }
      const result = await db
        .updateTable('seats')
        .set({ reserved_by: null })
        .where('show_id', '=', showId)
        .where('seat', '=', seat)
        .where('reserved_by', '=', guest)
        .executeTakeFirst()
      return { status: result.numUpdatedRows > 0n ? 200 : 404 }
    },
    'GET /shows/:id': async (db, input) => {
      const show = await db
        .updateTable('shows')
        .set((eb) => ({ views: eb('views', '+', 1) }))
        .where('id', '=', input.id as number)
        .returningAll()
        .executeTakeFirst()
      if (!show) return { status: 404 }
      const seats = await db.selectFrom('seats').selectAll().where('show_id', '=', show.id).execute()
      return { status: 200, body: { ...show, seats } }
    },
  },
  traffic: [
    ['GET /shows/:id', { id: 1 }],
    ['POST /seats/reserve', { showId: 1, seat: 'B1', guest: 'cyd' }],
    ['POST /seats/reserve', { showId: 1, seat: 'A3', guest: 'cyd' }],
    ['POST /seats/reserve', { showId: 1, seat: 'Z9', guest: 'cyd' }],
    ['GET /shows/:id', { id: 2 }],
    ['GET /shows/:id', { id: 9 }],
    ['POST /v2/seats/reserve', { showId: 2, seat: 'A2', guest: 'dan' }],
    ['POST /v2/seats/reserve', { showId: 2, seat: 'A1', guest: 'dan' }],
    ['POST /seats/release', { showId: 2, seat: 'A2', guest: 'dan' }],
    ['POST /seats/release', { showId: 1, seat: 'A3', guest: 'dan' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'seat reserved twice',
      first: ['POST /seats/reserve', { showId: 1, seat: 'A1', guest: 'eve' }],
      second: ['POST /seats/reserve', { showId: 1, seat: 'A1', guest: 'fay' }],
    },
    {
      label: 'safe',
      kind: 'conditional update',
      first: ['POST /v2/seats/reserve', { showId: 1, seat: 'A1', guest: 'eve' }],
      second: ['POST /v2/seats/reserve', { showId: 1, seat: 'A1', guest: 'fay' }],
    },
    {
      label: 'safe',
      kind: 'view counter',
      first: ['GET /shows/:id', { id: 1 }],
      second: ['GET /shows/:id', { id: 1 }],
    },
    {
      label: 'safe',
      kind: 'release and reserve, both conditional',
      first: ['POST /seats/release', { showId: 1, seat: 'A3', guest: 'ada' }],
      second: ['POST /v2/seats/reserve', { showId: 1, seat: 'A3', guest: 'eve' }],
    },
  ],
})

interface ClinicTables {
  appointments: { id: Generated<number>; doctor_id: number; patient_id: number; day: string; slot: number }
}

const clinic = kyselyCase<ClinicTables>({
  name: 'idioms kysely clinic appointments',
  schema: `
    create table appointments (
      id serial primary key,
      doctor_id int not null,
      patient_id int not null,
      day text not null,
      slot int not null,
      unique (doctor_id, day, slot)
    )`,
  seed: `
    insert into appointments (doctor_id, patient_id, day, slot) values
      (1, 1, '2026-03-02', 1), (1, 2, '2026-03-02', 2), (2, 3, '2026-03-02', 1)`,
  routes: {
    'POST /appointments': async (db, input) => {
      const { doctorId, patientId, day, slot } = input as {
        doctorId: number
        patientId: number
        day: string
        slot: number
      }
      // One visit per patient and day, whoever the doctor is.
      const sameDay = await db
        .selectFrom('appointments')
        .select('id')
        .where('patient_id', '=', patientId)
        .where('day', '=', day)
        .executeTakeFirst()
      if (sameDay) return { status: 422, body: { error: 'one appointment a day' } }
      const created = await db
        .insertInto('appointments')
        .values({ doctor_id: doctorId, patient_id: patientId, day, slot })
        .onConflict((oc) => oc.columns(['doctor_id', 'day', 'slot']).doNothing())
        .returning('id')
        .executeTakeFirst()
      return created ? { status: 201, body: created } : { status: 409, body: { error: 'slot is taken' } }
    },
    'DELETE /appointments': async (db, input) => {
      const { patientId, day } = input as { patientId: number; day: string }
      const removed = await db
        .deleteFrom('appointments')
        .where('patient_id', '=', patientId)
        .where('day', '=', day)
        .executeTakeFirst()
      return { status: removed.numDeletedRows > 0n ? 204 : 404 }
    },
  },
  traffic: [
    ['POST /appointments', { doctorId: 1, patientId: 4, day: '2026-03-02', slot: 3 }],
    ['POST /appointments', { doctorId: 1, patientId: 5, day: '2026-03-02', slot: 1 }],
    ['POST /appointments', { doctorId: 2, patientId: 1, day: '2026-03-02', slot: 4 }],
    ['POST /appointments', { doctorId: 2, patientId: 5, day: '2026-03-02', slot: 2 }],
    ['DELETE /appointments', { patientId: 3, day: '2026-03-02' }],
    ['DELETE /appointments', { patientId: 3, day: '2026-03-02' }],
    ['POST /appointments', { doctorId: 2, patientId: 3, day: '2026-03-03', slot: 2 }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'unique index, on conflict do nothing',
      first: ['POST /appointments', { doctorId: 1, patientId: 7, day: '2026-03-04', slot: 1 }],
      second: ['POST /appointments', { doctorId: 1, patientId: 8, day: '2026-03-04', slot: 1 }],
    },
    {
      label: 'clash',
      kind: 'the unique index does not cover the check',
      first: ['POST /appointments', { doctorId: 1, patientId: 7, day: '2026-03-04', slot: 1 }],
      second: ['POST /appointments', { doctorId: 2, patientId: 7, day: '2026-03-04', slot: 5 }],
    },
  ],
})

interface LeaveTables {
  employees: { id: number; name: string; days_left: number }
  leave_requests: { id: number; employee_id: number; days: number; status: string }
}

const leave = kyselyCase<LeaveTables>({
  name: 'idioms kysely leave requests',
  schema: `
    create table employees (id int primary key, name text not null, days_left int not null);
    create table leave_requests (
      id int primary key,
      employee_id int not null references employees,
      days int not null,
      status text not null default 'pending'
    )`,
  seed: `
    insert into employees values (1, 'ada', 10), (2, 'bob', 3), (3, 'cyd', 20);
    insert into leave_requests (id, employee_id, days, status) values
      (1, 1, 7, 'pending'), (2, 1, 6, 'pending'), (3, 2, 5, 'pending'), (4, 3, 2, 'approved'),
      (5, 3, 2, 'pending'), (6, 3, 4, 'pending'), (7, 3, 1, 'pending')`,
  routes: {
    'POST /leave/:id/approve': async (db, input) => {
      const id = input.id as number
      const request = await db.selectFrom('leave_requests').selectAll().where('id', '=', id).executeTakeFirst()
      if (!request) return { status: 404 }
      if (request.status !== 'pending') return { status: 409 }
      const employee = await db
        .selectFrom('employees')
        .select('days_left')
        .where('id', '=', request.employee_id)
        .executeTakeFirstOrThrow()
      if (employee.days_left < request.days) return { status: 422 }
      await db.transaction().execute(async (trx) => {
        await trx.updateTable('leave_requests').set({ status: 'approved' }).where('id', '=', id).execute()
        await trx
          .updateTable('employees')
          .set((eb) => ({ days_left: eb('days_left', '-', request.days) }))
          .where('id', '=', request.employee_id)
          .execute()
      })
      return { status: 200 }
    },
    'POST /v2/leave/:id/approve': async (db, input) =>
      await db.transaction().execute(async (trx) => {
        const request = await trx
          .updateTable('leave_requests')
          .set({ status: 'approved' })
          .where('id', '=', input.id as number)
          .where('status', '=', 'pending')
          .returning(['employee_id', 'days'])
          .executeTakeFirst()
        if (!request) return { status: 409 }
        await trx
          .updateTable('employees')
          .set((eb) => ({ days_left: eb('days_left', '-', request.days) }))
          .where('id', '=', request.employee_id)
          .execute()
        return { status: 200 }
      }),
    'POST /v2/leave/:id/reject': async (db, input) => {
      const rejected = await db
        .updateTable('leave_requests')
        .set({ status: 'rejected' })
        .where('id', '=', input.id as number)
        .where('status', '=', 'pending')
        .executeTakeFirst()
      return { status: rejected.numUpdatedRows === 0n ? 409 : 200 }
    },
  },
  traffic: [
    ['POST /leave/:id/approve', { id: 5 }],
    ['POST /leave/:id/approve', { id: 4 }],
    ['POST /leave/:id/approve', { id: 3 }],
    ['POST /leave/:id/approve', { id: 40 }],
    ['POST /v2/leave/:id/approve', { id: 6 }],
    ['POST /v2/leave/:id/approve', { id: 6 }],
    ['POST /v2/leave/:id/reject', { id: 7 }],
    ['POST /v2/leave/:id/reject', { id: 5 }],
    ['POST /leave/:id/approve', { id: 1 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'approved twice',
      first: ['POST /leave/:id/approve', { id: 5 }],
      second: ['POST /leave/:id/approve', { id: 5 }],
    },
    {
      label: 'clash',
      kind: 'two requests on one allowance',
      first: ['POST /leave/:id/approve', { id: 1 }],
      second: ['POST /leave/:id/approve', { id: 2 }],
    },
    {
      label: 'safe',
      kind: 'conditional update first',
      first: ['POST /v2/leave/:id/approve', { id: 5 }],
      second: ['POST /v2/leave/:id/approve', { id: 5 }],
    },
    {
      label: 'safe',
      kind: 'conditional updates of one status',
      first: ['POST /v2/leave/:id/approve', { id: 5 }],
      second: ['POST /v2/leave/:id/reject', { id: 5 }],
    },
  ],
})

interface ArticleTables {
  articles: { id: Generated<number>; slug: string; title: string }
}

const blog = kyselyCase<ArticleTables>({
  name: 'idioms kysely article slugs',
  schema: `create table articles (id serial primary key, slug text not null unique, title text not null)`,
  seed: `insert into articles (slug, title) values ('hello', 'Hello'), ('about', 'About'), ('about-2', 'About')`,
  routes: {
    'POST /articles': async (db, input) => {
      const title = input.title as string
      const base = title.toLowerCase().replaceAll(' ', '-')
      let slug = base
      for (let suffix = 2; ; suffix++) {
        const taken = await db.selectFrom('articles').select('id').where('slug', '=', slug).executeTakeFirst()
        if (!taken) break
        slug = `${base}-${suffix}`
      }
      const article = await db
        .insertInto('articles')
        .values({ slug, title })
        .returning(['id', 'slug'])
        .executeTakeFirstOrThrow()
      return { status: 201, body: article }
    },
    'PUT /articles/:slug': async (db, input) => {
      const { slug, title } = input as { slug: string; title: string }
      const article = await db.selectFrom('articles').select('id').where('slug', '=', slug).executeTakeFirst()
      if (!article) return { status: 404 }
      await db.updateTable('articles').set({ title }).where('id', '=', article.id).execute()
      return { status: 200 }
    },
  },
  traffic: [
    ['POST /articles', { title: 'Hello' }],
    ['POST /articles', { title: 'About' }],
    ['POST /articles', { title: 'Release notes' }],
    ['POST /articles', { title: 'Hello' }],
    ['PUT /articles/:slug', { slug: 'hello', title: 'Hello, world' }],
    ['PUT /articles/:slug', { slug: 'about', title: 'About us' }],
    ['PUT /articles/:slug', { slug: 'lost', title: 'Lost' }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'unique index, uncaught: the loser is a 500',
      first: ['POST /articles', { title: 'Launch' }],
      second: ['POST /articles', { title: 'Launch' }],
    },
    {
      label: 'safe',
      kind: 'overwrite after a 404 check',
      first: ['PUT /articles/:slug', { slug: 'hello', title: 'one' }],
      second: ['PUT /articles/:slug', { slug: 'hello', title: 'two' }],
    },
  ],
})

export const cases: ClashCase[] = [cinema, clinic, leave, blog]
