import { EntitySchema, MoreThan } from 'typeorm'
import { typeormCase, type ClashCase } from '../../corpus.js'

interface Profile {
  id: number
  name: string
  bio: string
  seenAt: Date | null
}
const profile = new EntitySchema<Profile>({
  name: 'profile',
  tableName: 'profiles',
  columns: {
    id: { type: 'int', primary: true },
    name: { type: 'text' },
    bio: { type: 'text' },
    seenAt: { type: 'timestamptz', name: 'seen_at', nullable: true },
  },
})

interface Recipe {
  id: string
  title: string
  servings: number
  version: number
}
const recipe = new EntitySchema<Recipe>({
  name: 'recipe',
  tableName: 'recipes',
  columns: {
    id: { type: 'uuid', primary: true },
    title: { type: 'text' },
    servings: { type: 'int' },
    version: { type: 'int', version: true },
  },
})

interface Account {
  id: string
  balance: string
  frozen: boolean
}
const account = new EntitySchema<Account>({
  name: 'account',
  tableName: 'bank_accounts',
  columns: {
    id: { type: 'bigint', primary: true },
    balance: { type: 'numeric' },
    frozen: { type: 'boolean' },
  },
})

interface Page {
  id: number
  owner: string
  body: string
  views: number
}
const page = new EntitySchema<Page>({
  name: 'page',
  tableName: 'wiki_pages',
  columns: {
    id: { type: 'int', primary: true },
    owner: { type: 'text' },
    body: { type: 'text' },
    views: { type: 'int', default: 0 },
  },
})

/** TypeORM: entities that are found, changed and saved. */
export const cases: ClashCase[] = [
  typeormCase([profile], {
    name: 'profiles are edited in parts',
    schema: `create table profiles (id integer primary key, name text not null, bio text not null, seen_at timestamptz)`,
    seed: `insert into profiles (id, name, bio) values (1, 'Uma', 'none'), (2, 'Vic', 'some'), (3, 'Wes', '')`,
    routes: {
      // save() compares with what is stored by then, and writes back the columns that another request has changed.
      rename: async (db, input) => {
        const profiles = db.getRepository(profile)
        const found = await profiles.findOneBy({ id: Number(input.id) })
        if (!found) return { status: 404 }
        found.name = String(input.name)
        await profiles.save(found)
        return { status: 200 }
      },
      describe: async (db, input) => {
        const profiles = db.getRepository(profile)
        const found = await profiles.findOneBy({ id: Number(input.id) })
        if (!found) return { status: 404 }
        found.bio = String(input.bio)
        await profiles.save(found)
        return { status: 200 }
      },
      title: async (db, input) => {
        const profiles = db.getRepository(profile)
        if (!(await profiles.existsBy({ id: Number(input.id) }))) return { status: 404 }
        await profiles.update({ id: Number(input.id) }, { name: String(input.name) })
        return { status: 200 }
      },
      seen: async (db, input) => {
        const profiles = db.getRepository(profile)
        const found = await profiles.findOneBy({ id: Number(input.id) })
        if (!found) return { status: 404 }
        await profiles.update(found.id, { seenAt: new Date() })
        return { status: 200, body: found }
      },
    },
    traffic: [
      ['rename', { id: 2, name: 'Vi' }],
      ['describe', { id: 2, bio: 'lots' }],
      ['title', { id: 3, name: 'We' }],
      ['seen', { id: 3 }],
      ['rename', { id: 9, name: 'x' }],
      ['describe', { id: 9, bio: 'x' }],
      ['title', { id: 9, name: 'x' }],
      ['seen', { id: 9 }],
      ['rename', { id: 3, name: 'Wes' }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'save() of an entity that is out of date, another column',
        first: ['rename', { id: 1, name: 'Uma T' }],
        second: ['describe', { id: 1, bio: 'much' }],
      },
      {
        label: 'safe',
        kind: 'update() of the same column after an existence check: last one wins',
        first: ['title', { id: 1, name: 'Uma T' }],
        second: ['title', { id: 1, name: 'Uma S' }],
      },
      {
        label: 'safe',
        kind: 'update() of one column, last seen of another',
        first: ['title', { id: 1, name: 'Uma T' }],
        second: ['seen', { id: 1 }],
      },
    ],
  }),

  typeormCase([recipe], {
    name: 'recipes with a version column',
    schema: `create table recipes (id uuid primary key, title text not null, servings integer not null,
      version integer not null)`,
    seed: `insert into recipes values ('30000000-0000-4000-8000-000000000001', 'soup', 2, 1),
      ('30000000-0000-4000-8000-000000000002', 'stew', 4, 3), ('30000000-0000-4000-8000-000000000003', 'cake', 8, 1)`,
    routes: {
      // The optimistic lock compares when it loads; nothing compares when it saves.
      edit: async (db, input) => {
        const { id, version, servings } = input as { id: string; version: number; servings: number }
        const recipes = db.getRepository(recipe)
        if (!(await recipes.existsBy({ id }))) return { status: 404 }
        let found: Recipe | null
        try {
          found = await recipes.findOne({ where: { id }, lock: { mode: 'optimistic', version } })
        } catch (error) {
          if (error instanceof Error && error.name === 'OptimisticLockVersionMismatchError') return { status: 412 }
          throw error
        }
        if (!found) return { status: 404 }
        found.servings = servings
        await recipes.save(found)
        return { status: 200 }
      },
      revise: async (db, input) => {
        const { id, version, servings } = input as { id: string; version: number; servings: number }
        const recipes = db.getRepository(recipe)
        if (!(await recipes.existsBy({ id }))) return { status: 404 }
        const result = await recipes
          .createQueryBuilder()
          .update()
          .set({ servings })
          .where('id = :id and version = :version', { id, version })
          .execute()
        return { status: result.affected === 1 ? 200 : 412 }
      },
      double: async (db, input) =>
        await db.transaction('REPEATABLE READ', async (manager) => {
          const found = await manager.findOneBy(recipe, { id: String(input.id) })
          if (!found) return { status: 404 }
          found.servings *= 2
          await manager.save(recipe, found)
          return { status: 200 }
        }),
    },
    traffic: [
      ['edit', { id: '30000000-0000-4000-8000-000000000002', version: 3, servings: 5 }],
      ['edit', { id: '30000000-0000-4000-8000-000000000002', version: 3, servings: 6 }],
      ['revise', { id: '30000000-0000-4000-8000-000000000002', version: 4, servings: 7 }],
      ['revise', { id: '30000000-0000-4000-8000-000000000002', version: 4, servings: 8 }],
      ['double', { id: '30000000-0000-4000-8000-000000000003' }],
      ['double', { id: '30000000-0000-4000-8000-000000000009' }],
      ['edit', { id: '30000000-0000-4000-8000-000000000009', version: 1, servings: 1 }],
      ['revise', { id: '30000000-0000-4000-8000-000000000009', version: 1, servings: 1 }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'version compared at load only',
        first: ['edit', { id: '30000000-0000-4000-8000-000000000001', version: 1, servings: 3 }],
        second: ['edit', { id: '30000000-0000-4000-8000-000000000001', version: 1, servings: 6 }],
      },
      {
        label: 'safe',
        kind: 'version in the condition of the update',
        first: ['revise', { id: '30000000-0000-4000-8000-000000000001', version: 1, servings: 3 }],
        second: ['revise', { id: '30000000-0000-4000-8000-000000000001', version: 1, servings: 6 }],
      },
      {
        label: 'safe',
        kind: 'read and write of one row under REPEATABLE READ: one fails',
        first: ['double', { id: '30000000-0000-4000-8000-000000000001' }],
        second: ['double', { id: '30000000-0000-4000-8000-000000000001' }],
      },
    ],
  }),

  typeormCase([account], {
    name: 'bank accounts locked early and late',
    schema: `create table bank_accounts (id bigint primary key, balance numeric not null, frozen boolean not null default false)`,
    seed: `insert into bank_accounts values (1, 100, false), (2, 50, false), (3, 1000, false), (4, 70, true), (5, 10, false)`,
    routes: {
      debit: async (db, input) =>
        await db.transaction(async (manager) => {
          const id = String(input.account)
          const found = await manager.findOneBy(account, { id })
          if (!found) return { status: 404 }
          if (found.frozen || Number(found.balance) < Number(input.amount)) return { status: 409 }
          await manager.findOne(account, { where: { id }, lock: { mode: 'pessimistic_write' } })
          await manager.update(account, { id }, { balance: String(Number(found.balance) - Number(input.amount)) })
          return { status: 200 }
        }),
      withdraw: async (db, input) =>
        await db.transaction(async (manager) => {
          const id = String(input.account)
          const found = await manager.findOne(account, { where: { id }, lock: { mode: 'pessimistic_write' } })
          if (!found) return { status: 404 }
          if (found.frozen || Number(found.balance) < Number(input.amount)) return { status: 409 }
          found.balance = String(Number(found.balance) - Number(input.amount))
          await manager.save(account, found)
          return { status: 200 }
        }),
      freeze: async (db, input) => {
        const result = await db.getRepository(account).update({ id: String(input.account) }, { frozen: true })
        return { status: result.affected === 0 ? 404 : 204 }
      },
    },
    traffic: [
      ['debit', { account: 3, amount: 10 }],
      ['withdraw', { account: 3, amount: 10 }],
      ['debit', { account: 5, amount: 11 }],
      ['withdraw', { account: 5, amount: 11 }],
      ['debit', { account: 4, amount: 1 }],
      ['withdraw', { account: 4, amount: 1 }],
      ['debit', { account: 9, amount: 1 }],
      ['freeze', { account: 5 }],
      ['freeze', { account: 9 }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'the lock is late: the balance is of before',
        first: ['debit', { account: 1, amount: 60 }],
        second: ['debit', { account: 1, amount: 30 }],
      },
      {
        label: 'safe',
        kind: 'pessimistic_write, then save()',
        first: ['withdraw', { account: 1, amount: 60 }],
        second: ['withdraw', { account: 1, amount: 70 }],
      },
      {
        label: 'safe',
        kind: 'frozen after the check, another column: as if it came later',
        first: ['debit', { account: 1, amount: 60 }],
        second: ['freeze', { account: 1 }],
      },
    ],
  }),

  typeormCase([page], {
    name: 'pages with an owner and a counter',
    schema: `create table wiki_pages (id integer primary key, owner text not null, body text not null,
      views integer not null default 0)`,
    seed: `insert into wiki_pages (id, owner, body) values (1, 'una', 'one'), (2, 'una', 'two'), (3, 'ted', 'three')`,
    routes: {
      edit: async (db, input) => {
        const pages = db.getRepository(page)
        const found = await pages.findOneBy({ id: Number(input.id) })
        if (!found) return { status: 404 }
        if (found.owner !== input.me) return { status: 403 }
        await pages.update(found.id, { body: String(input.body) })
        return { status: 200 }
      },
      transfer: async (db, input) => {
        const pages = db.getRepository(page)
        const found = await pages.findOneBy({ id: Number(input.id) })
        if (!found) return { status: 404 }
        if (found.owner !== input.me) return { status: 403 }
        await pages.update({ id: found.id }, { owner: String(input.to) })
        return { status: 200 }
      },
      view: async (db, input) => {
        const pages = db.getRepository(page)
        const found = await pages.findOneBy({ id: Number(input.id) })
        if (!found) return { status: 404 }
        await pages.increment({ id: found.id, views: MoreThan(-1) }, 'views', 1)
        return { status: 200, body: { ...found, views: found.views + 1 } }
      },
    },
    traffic: [
      ['edit', { id: 2, me: 'una', body: 'deux' }],
      ['edit', { id: 2, me: 'ted', body: 'zwei' }],
      ['transfer', { id: 2, me: 'una', to: 'ted' }],
      ['edit', { id: 2, me: 'una', body: 'due' }],
      ['transfer', { id: 2, me: 'una', to: 'una' }],
      ['view', { id: 3 }],
      ['view', { id: 3 }],
      ['view', { id: 9 }],
      ['edit', { id: 9, me: 'una', body: '' }],
    ],
    pairs: [
      {
        label: 'safe',
        kind: 'owner checked, then the body overwritten; the owner changes meanwhile',
        first: ['edit', { id: 1, me: 'una', body: 'uno' }],
        second: ['transfer', { id: 1, me: 'una', to: 'ted' }],
      },
      {
        label: 'clash',
        kind: 'given away twice by the owner of before',
        first: ['transfer', { id: 1, me: 'una', to: 'ted' }],
        second: ['transfer', { id: 1, me: 'una', to: 'sue' }],
      },
      {
        label: 'safe',
        kind: 'increment after a read for display',
        first: ['view', { id: 1 }],
        second: ['view', { id: 1 }],
      },
    ],
  }),
]
