import { eq, sql } from 'drizzle-orm'
import { date, integer, pgTable, primaryKey, serial, text } from 'drizzle-orm/pg-core'
import type { Generated } from 'kysely'
import { EntitySchema } from 'typeorm'
import { drizzleCase, knexCase, kyselyCase, pgCase, typeormCase, type ClashCase } from '../../corpus.js'
import { isDuplicate, retryOnConflict, sqlState } from './transaction.js'

interface Recipes {
  recipes: { id: string; title: string }
  ingredients: { recipe_id: string; name: string; grams: number }
}

const R1 = '22222222-bbbb-4bbb-8bbb-000000000001'
const R2 = '22222222-bbbb-4bbb-8bbb-000000000002'
const R9 = '22222222-bbbb-4bbb-8bbb-000000000009'

const lockedReplace = kyselyCase<Recipes>({
  name: 'recipe: ingredients replaced behind a lock on the recipe',
  schema: `create table recipes (id uuid primary key, title text not null);
    create table ingredients (recipe_id uuid references recipes on delete cascade, name text, grams int not null,
      primary key (recipe_id, name))`,
  seed: `insert into recipes values ('${R1}', 'soup'), ('${R2}', 'bread');
    insert into ingredients values ('${R1}', 'leek', 300), ('${R2}', 'flour', 500)`,
  routes: {
    'PUT /recipes/:id/ingredients': async (db, input) => {
      const { id, ingredients } = input as { id: string; ingredients: { name: string; grams: number }[] }
      return await db.transaction().execute(async (trx) => {
        const recipe = await trx.selectFrom('recipes').select('id').where('id', '=', id).forUpdate().executeTakeFirst()
        if (!recipe) return { status: 404 }
        await trx.deleteFrom('ingredients').where('recipe_id', '=', id).execute()
        if (ingredients.length) {
          const rows = ingredients.map((ingredient) => ({ recipe_id: id, ...ingredient }))
          await trx.insertInto('ingredients').values(rows).execute()
        }
        return { status: 200 }
      })
    },
  },
  traffic: [
    ['PUT /recipes/:id/ingredients', { id: R1, ingredients: [{ name: 'leek', grams: 200 }] }],
    ['PUT /recipes/:id/ingredients', { id: R1, ingredients: [] }],
    ['PUT /recipes/:id/ingredients', { id: R2, ingredients: [{ name: 'rye', grams: 400 }] }],
    ['PUT /recipes/:id/ingredients', { id: R9, ingredients: [{ name: 'rye', grams: 400 }] }],
    ['PUT /recipes/:id/ingredients', { id: R1, ingredients: [{ name: 'onion', grams: 90 }] }],
    ['PUT /recipes/:id/ingredients', { id: R2, ingredients: [{ name: 'oats', grams: 70 }] }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'set replaced behind a lock on the parent',
      first: ['PUT /recipes/:id/ingredients', { id: R2, ingredients: [{ name: 'spelt', grams: 450 }] }],
      second: ['PUT /recipes/:id/ingredients', { id: R2, ingredients: [{ name: 'wheat', grams: 510 }] }],
    },
  ],
})

interface Film {
  id: string
  title: string
  starsTotal: number
}

interface Rating {
  id: number
  filmId: string
  stars: number
}

const FilmEntity = new EntitySchema<Film>({
  name: 'Film',
  tableName: 'films',
  columns: {
    id: { type: 'text', primary: true },
    title: { type: 'text' },
    starsTotal: { name: 'stars_total', type: 'int' },
  },
})

const RatingEntity = new EntitySchema<Rating>({
  name: 'Rating',
  tableName: 'ratings',
  columns: {
    id: { type: 'int', primary: true, generated: 'increment' },
    filmId: { name: 'film_id', type: 'text' },
    stars: { type: 'int' },
  },
})

const lockedRecompute = typeormCase([FilmEntity, RatingEntity], {
  name: 'films: rating recomputed behind a lock on the film',
  schema: `create table films (id text primary key, title text not null, stars_total int not null default 0);
    create table ratings (id serial primary key, film_id text not null references films, stars int not null)`,
  seed: `insert into films values ('f-1', 'Tides', 4), ('f-2', 'Stones', 0), ('f-3', 'Winds', 5);
    insert into ratings (film_id, stars) values ('f-1', 4), ('f-3', 5)`,
  routes: {
    'POST /films/:id/ratings': async (source, input) =>
      await source.transaction(async (manager) => {
        const { id, stars } = input as { id: string; stars: number }
        const film = await manager.findOne(FilmEntity, { where: { id }, lock: { mode: 'pessimistic_write' } })
        if (!film) return { status: 404 }
        await manager.insert(RatingEntity, { filmId: id, stars })
        const total = await manager.sum(RatingEntity, 'stars', { filmId: id })
        film.starsTotal = Number(total)
        await manager.save(FilmEntity, film)
        return { status: 201, body: { total } }
      }),
  },
  traffic: [
    ['POST /films/:id/ratings', { id: 'f-1', stars: 3 }],
    ['POST /films/:id/ratings', { id: 'f-2', stars: 5 }],
    ['POST /films/:id/ratings', { id: 'f-7', stars: 4 }],
    ['POST /films/:id/ratings', { id: 'f-1', stars: 5 }],
    ['POST /films/:id/ratings', { id: 'f-3', stars: 2 }],
    ['POST /films/:id/ratings', { id: 'f-2', stars: 1 }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'recomputed behind a lock',
      first: ['POST /films/:id/ratings', { id: 'f-3', stars: 1 }],
      second: ['POST /films/:id/ratings', { id: 'f-3', stars: 4 }],
    },
  ],
})

const serializableFolders = knexCase({
  name: 'folders: an empty one is deleted, a file is added, both serializable',
  schema: `create table folders (id int primary key, name text not null);
    create table files (path text primary key, folder_id int not null);
    create index on files (folder_id)`,
  seed: `insert into folders values (1, 'work'), (2, 'home'), (3, 'tax'), (4, 'old');
    insert into files values ('a.txt', 1)`,
  routes: {
    'POST /folders/:id/files': async (knex, input) =>
      await retryOnConflict(5, async () =>
        knex.transaction(
          async (trx) => {
            const folder = await trx('folders').where({ id: input.id }).first()
            if (!folder) return { status: 404 }
            await trx('files').insert({ path: input.path, folder_id: folder.id })
            return { status: 201 }
          },
          { isolationLevel: 'serializable' },
        ),
      ),
    'DELETE /folders/:id': async (knex, input) =>
      await retryOnConflict(5, async () =>
        knex.transaction(
          async (trx) => {
            const file = await trx('files').where({ folder_id: input.id }).first()
            if (file) return { status: 409 }
            const deleted = await trx('folders').where({ id: input.id }).delete()
            return { status: deleted ? 204 : 404 }
          },
          { isolationLevel: 'serializable' },
        ),
      ),
  },
  traffic: [
    ['POST /folders/:id/files', { id: 1, path: 'b.txt' }],
    ['DELETE /folders/:id', { id: 1 }],
    ['DELETE /folders/:id', { id: 2 }],
    ['POST /folders/:id/files', { id: 2, path: 'c.txt' }],
    ['POST /folders/:id/files', { id: 3, path: 'd.txt' }],
    ['DELETE /folders/:id', { id: 3 }],
    ['DELETE /folders/:id', { id: 2 }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'serializable on both sides',
      first: ['DELETE /folders/:id', { id: 4 }],
      second: ['POST /folders/:id/files', { id: 4, path: 'e.txt' }],
    },
  ],
})

const repeatableMeter = knexCase({
  name: 'odometer: one row at repeatable read, with retry',
  schema: 'create table cars (plate text primary key, km int not null, service_due boolean not null default false)',
  seed: `insert into cars values ('AB-1', 9990, false), ('AB-2', 100, false), ('AB-3', 5000, false)`,
  routes: {
    'POST /cars/:plate/trips': async (knex, input) =>
      await retryOnConflict(4, async () =>
        knex.transaction(
          async (trx) => {
            const { plate, km } = input as { plate: string; km: number }
            const car = await trx('cars').where({ plate }).first()
            if (!car) return { status: 404 }
            const total = car.km + km
            await trx('cars')
              .where({ plate })
              .update({ km: total, service_due: total >= 10_000 })
            return { status: 200, body: { total } }
          },
          { isolationLevel: 'repeatable read' },
        ),
      ),
  },
  traffic: [
    ['POST /cars/:plate/trips', { plate: 'AB-1', km: 25 }],
    ['POST /cars/:plate/trips', { plate: 'AB-2', km: 310 }],
    ['POST /cars/:plate/trips', { plate: 'AB-9', km: 10 }],
    ['POST /cars/:plate/trips', { plate: 'AB-2', km: 42 }],
    ['POST /cars/:plate/trips', { plate: 'AB-3', km: 77 }],
    ['POST /cars/:plate/trips', { plate: 'AB-1', km: 8 }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'one row at repeatable read',
      first: ['POST /cars/:plate/trips', { plate: 'AB-3', km: 130 }],
      second: ['POST /cars/:plate/trips', { plate: 'AB-3', km: 61 }],
    },
  ],
})

const visits = pgTable(
  'visits',
  { page: text('page').notNull(), day: date('day').notNull(), hits: integer('hits').notNull() },
  (table) => [primaryKey({ columns: [table.page, table.day] })],
)

const relativeUpsert = drizzleCase({
  name: 'visits: upsert that counts in the statement',
  schema: 'create table visits (page text, day date, hits int not null, primary key (page, day))',
  seed: `insert into visits values ('/home', '2030-01-01', 41), ('/about', '2030-01-01', 7)`,
  routes: {
    'POST /visits': async (db, input) => {
      const { page, day } = input as { page: string; day: string }
      if (!page.startsWith('/')) return { status: 422 }
      const [visit] = await db
        .insert(visits)
        .values({ page, day, hits: 1 })
        .onConflictDoUpdate({ target: [visits.page, visits.day], set: { hits: sql`${visits.hits} + 1` } })
        .returning({ hits: visits.hits })
      return { status: 202, body: visit }
    },
  },
  traffic: [
    ['POST /visits', { page: '/home', day: '2030-01-01' }],
    ['POST /visits', { page: '/home', day: '2030-01-01' }],
    ['POST /visits', { page: '/new', day: '2030-01-01' }],
    ['POST /visits', { page: 'oops', day: '2030-01-01' }],
    ['POST /visits', { page: '/about', day: '2030-01-01' }],
    ['POST /visits', { page: '/about', day: '2030-01-02' }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'upsert, relative',
      first: ['POST /visits', { page: '/about', day: '2030-02-01' }],
      second: ['POST /visits', { page: '/about', day: '2030-02-01' }],
    },
  ],
})

const brands = pgTable('brands', { id: integer('id').primaryKey(), name: text('name').notNull() })

const models = pgTable('models', {
  id: serial('id').primaryKey(),
  brandId: integer('brand_id').notNull(),
  name: text('name').notNull(),
})

const foreignKey = drizzleCase({
  name: 'brands: deleted and added to, a foreign key between them',
  schema: `create table brands (id int primary key, name text not null);
    create table models (id serial primary key, brand_id int not null references brands, name text not null)`,
  seed: `insert into brands values (1, 'Ajax'), (2, 'Borea'), (3, 'Cirrus'), (4, 'Dune');
    insert into models (brand_id, name) values (1, 'A1')`,
  routes: {
    'POST /brands/:id/models': async (db, input) => {
      const { id, name } = input as { id: number; name: string }
      const [brand] = await db.select().from(brands).where(eq(brands.id, id))
      if (!brand) return { status: 404 }
      try {
        await db.insert(models).values({ brandId: id, name })
        return { status: 201 }
      } catch (error) {
        if (sqlState(error) === '23503') return { status: 404 }
        throw error
      }
    },
    'DELETE /brands/:id': async (db, input) => {
      const { id } = input as { id: number }
      const used = await db.$count(models, eq(models.brandId, id))
      if (used > 0) return { status: 409 }
      try {
        const deleted = await db.delete(brands).where(eq(brands.id, id)).returning({ id: brands.id })
        return { status: deleted.length ? 204 : 404 }
      } catch (error) {
        if (sqlState(error) === '23503') return { status: 409 }
        throw error
      }
    },
  },
  traffic: [
    ['POST /brands/:id/models', { id: 1, name: 'A2' }],
    ['DELETE /brands/:id', { id: 1 }],
    ['DELETE /brands/:id', { id: 2 }],
    ['POST /brands/:id/models', { id: 2, name: 'B1' }],
    ['POST /brands/:id/models', { id: 3, name: 'C1' }],
    ['DELETE /brands/:id', { id: 3 }],
    ['DELETE /brands/:id', { id: 2 }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'foreign key',
      first: ['DELETE /brands/:id', { id: 4 }],
      second: ['POST /brands/:id/models', { id: 4, name: 'D1' }],
    },
  ],
})

interface Mailing {
  recipients: { id: Generated<number>; email: string }
}

const coveredEmail = kyselyCase<Mailing>({
  name: 'mailing: looked up in lower case, unique in lower case',
  schema: `create table recipients (id serial primary key, email text not null);
    create unique index on recipients (lower(email))`,
  seed: `insert into recipients (email) values ('Ann@example.com'), ('bob@example.com')`,
  routes: {
    'POST /recipients': async (db, input) => {
      const { email } = input as { email: string }
      if (!email.includes('@')) return { status: 422 }
      const known = await db
        .selectFrom('recipients')
        .select('id')
        .where((eb) => eb(eb.fn<string>('lower', ['email']), '=', email.toLowerCase()))
        .executeTakeFirst()
      if (known) return { status: 409 }
      try {
        await db.insertInto('recipients').values({ email }).execute()
        return { status: 201 }
      } catch (error) {
        if (isDuplicate(error)) return { status: 409 }
        throw error
      }
    },
  },
  traffic: [
    ['POST /recipients', { email: 'cat@example.com' }],
    ['POST /recipients', { email: 'ann@example.com' }],
    ['POST /recipients', { email: 'BOB@example.com' }],
    ['POST /recipients', { email: 'nothing' }],
    ['POST /recipients', { email: 'Dan@example.com' }],
    ['POST /recipients', { email: 'dan@example.com' }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'unique index on the expression',
      first: ['POST /recipients', { email: 'Eve@Example.com' }],
      second: ['POST /recipients', { email: 'eve@example.com' }],
    },
  ],
})

const queued = new Map<number, Promise<unknown>>()

/** One after the other, in this process. */
async function alone<T>(key: number, work: () => Promise<T>): Promise<T> {
  const mine = (queued.get(key) ?? Promise.resolve()).then(work, work)
  queued.set(key, mine)
  return await mine
}

const mutex = pgCase({
  name: 'robot: one request at a time by a mutex of the process',
  schema: 'create table robots (id int primary key, steps int not null)',
  seed: 'insert into robots values (1, 100), (2, 0), (3, 55)',
  routes: {
    'POST /robots/:id/walk': async (pool, input) => {
      const { id, steps } = input as { id: number; steps: number }
      return await alone(id, async () => {
        const { rows } = await pool.query<{ steps: number }>('select steps from robots where id = $1', [id])
        if (!rows[0]) return { status: 404 }
        await pool.query('update robots set steps = $1 where id = $2', [rows[0].steps + steps, id])
        return { status: 200 }
      })
    },
  },
  traffic: [
    ['POST /robots/:id/walk', { id: 1, steps: 12 }],
    ['POST /robots/:id/walk', { id: 2, steps: 30 }],
    ['POST /robots/:id/walk', { id: 1, steps: 7 }],
    ['POST /robots/:id/walk', { id: 9, steps: 7 }],
    ['POST /robots/:id/walk', { id: 3, steps: 16 }],
    ['POST /robots/:id/walk', { id: 2, steps: 21 }],
  ],
  pairs: [
    {
      label: 'safe',
      kind: 'mutex of the process',
      first: ['POST /robots/:id/walk', { id: 3, steps: 19 }],
      second: ['POST /robots/:id/walk', { id: 3, steps: 44 }],
      hidden: 'the guard is in the process',
    },
  ],
})

export const cases: ClashCase[] = [
  lockedReplace,
  lockedRecompute,
  serializableFolders,
  repeatableMeter,
  relativeUpsert,
  foreignKey,
  coveredEmail,
  mutex,
]
