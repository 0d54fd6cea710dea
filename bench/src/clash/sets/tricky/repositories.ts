import { EntitySchema, In } from 'typeorm'
import { typeormCase, type ClashCase } from '../../corpus.js'
import { readSqlState } from './transaction.js'

interface Promo {
  code: string
  used: number
  maxUses: number
}
const promo = new EntitySchema<Promo>({
  name: 'promo',
  tableName: 'promos',
  columns: {
    code: { type: 'text', primary: true },
    used: { type: 'int' },
    maxUses: { type: 'int', name: 'max_uses' },
  },
})

interface CheckIn {
  member: number
  day: string
  mood: string
}
const checkIn = new EntitySchema<CheckIn>({
  name: 'checkIn',
  tableName: 'check_ins',
  columns: {
    member: { type: 'int', primary: true },
    day: { type: 'date', primary: true },
    mood: { type: 'text' },
  },
})

interface Ticket {
  id: number
  number: number
  subject: string
}
const ticket = new EntitySchema<Ticket>({
  name: 'ticket',
  tableName: 'support_tickets',
  columns: {
    id: { type: 'int', primary: true, generated: 'increment' },
    number: { type: 'int' },
    subject: { type: 'text' },
  },
})

interface Bid {
  id: number
  auctionId: number
  bidder: string
  cents: number
}
const bid = new EntitySchema<Bid>({
  name: 'bid',
  tableName: 'bids',
  columns: {
    id: { type: 'int', primary: true, generated: 'increment' },
    auctionId: { type: 'int', name: 'auction_id' },
    bidder: { type: 'text' },
    cents: { type: 'int' },
  },
})
interface Auction {
  id: number
  top: number
  open: boolean
}
const auction = new EntitySchema<Auction>({
  name: 'auction',
  tableName: 'auctions',
  columns: { id: { type: 'int', primary: true }, top: { type: 'int' }, open: { type: 'boolean' } },
})

interface Setting {
  key: string
  value: string
}
const setting = new EntitySchema<Setting>({
  name: 'setting',
  tableName: 'settings',
  columns: { key: { type: 'text', primary: true }, value: { type: 'text' } },
})

interface Room {
  id: number
  members: string[]
  capacity: number
}
const room = new EntitySchema<Room>({
  name: 'room',
  tableName: 'game_rooms',
  columns: {
    id: { type: 'int', primary: true },
    members: { type: 'text', array: true },
    capacity: { type: 'int' },
  },
})

/** TypeORM: repositories and query builders. */
export const cases: ClashCase[] = [
  typeormCase([promo], {
    name: 'promotions with increment',
    schema: `create table promos (code text primary key, used integer not null default 0, max_uses integer not null)`,
    seed: `insert into promos values ('ONE', 0, 1), ('TEN', 3, 10), ('NIL', 0, 0)`,
    routes: {
      use: async (db, input) => {
        const promos = db.getRepository(promo)
        const found = await promos.findOneBy({ code: String(input.code) })
        if (!found) return { status: 404 }
        if (found.used >= found.maxUses) return { status: 409 }
        await promos.increment({ code: found.code }, 'used', 1)
        return { status: 200 }
      },
      spend: async (db, input) => {
        const result = await db
          .getRepository(promo)
          .createQueryBuilder()
          .update()
          .set({ used: () => 'used + 1' })
          .where('code = :code', { code: input.code })
          .andWhere('used < max_uses')
          .execute()
        return { status: result.affected === 1 ? 200 : 409 }
      },
    },
    traffic: [
      ['use', { code: 'TEN' }],
      ['spend', { code: 'TEN' }],
      ['use', { code: 'NIL' }],
      ['spend', { code: 'NIL' }],
      ['use', { code: 'WHAT' }],
      ['spend', { code: 'WHAT' }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'check, then increment()',
        first: ['use', { code: 'ONE' }],
        second: ['use', { code: 'ONE' }],
      },
      {
        label: 'clash',
        kind: 'the conditional one does not protect the other',
        first: ['use', { code: 'ONE' }],
        second: ['spend', { code: 'ONE' }],
      },
      {
        label: 'safe',
        kind: 'increment with a condition in the query builder',
        first: ['spend', { code: 'ONE' }],
        second: ['spend', { code: 'ONE' }],
      },
    ],
  }),

  typeormCase([checkIn], {
    name: 'check-ins are kept once a day',
    schema: `create table check_ins (member integer not null, day date not null, mood text not null,
      primary key (member, day))`,
    seed: `insert into check_ins values (1, '2032-05-01', 'fine'), (2, '2032-05-01', 'sad')`,
    routes: {
      put: async (db, input) => {
        const { member, day, mood } = input as unknown as CheckIn
        await db.getRepository(checkIn).upsert({ member, day, mood }, ['member', 'day'])
        return { status: 204 }
      },
      create: async (db, input) => {
        const { member, day, mood } = input as unknown as CheckIn
        const checkIns = db.getRepository(checkIn)
        if (await checkIns.existsBy({ member, day })) return { status: 409 }
        try {
          await checkIns.insert({ member, day, mood })
        } catch (error) {
          if (readSqlState(error) === '23505') return { status: 409 }
          throw error
        }
        return { status: 201 }
      },
      // save() selects, and so it inserts or updates; the check and the save are two reads.
      add: async (db, input) => {
        const { member, day, mood } = input as unknown as CheckIn
        const checkIns = db.getRepository(checkIn)
        if (await checkIns.existsBy({ member, day })) return { status: 409 }
        await checkIns.save({ member, day, mood })
        return { status: 201 }
      },
    },
    traffic: [
      ['put', { member: 1, day: '2032-05-01', mood: 'good' }],
      ['put', { member: 1, day: '2032-05-02', mood: 'good' }],
      ['create', { member: 2, day: '2032-05-01', mood: 'glad' }],
      ['create', { member: 2, day: '2032-05-02', mood: 'glad' }],
      ['add', { member: 2, day: '2032-05-02', mood: 'mad' }],
      ['add', { member: 2, day: '2032-05-03', mood: 'mad' }],
    ],
    pairs: [
      {
        label: 'safe',
        kind: 'upsert of given values',
        first: ['put', { member: 3, day: '2032-05-01', mood: 'good' }],
        second: ['put', { member: 3, day: '2032-05-01', mood: 'bad' }],
      },
      {
        label: 'safe',
        kind: 'check, then a unique key that is handled',
        first: ['create', { member: 3, day: '2032-05-01', mood: 'good' }],
        second: ['create', { member: 3, day: '2032-05-01', mood: 'bad' }],
      },
      {
        label: 'clash',
        kind: 'save() updates the row that came after the check',
        first: ['add', { member: 3, day: '2032-05-01', mood: 'good' }],
        second: ['add', { member: 3, day: '2032-05-01', mood: 'bad' }],
      },
    ],
  }),

  typeormCase([ticket], {
    name: 'support tickets numbered by a counter row',
    schema: `
      create table counters (name text primary key, value integer not null);
      create table support_tickets (id serial primary key, number integer not null, subject text not null)`,
    seed: `insert into counters values ('ticket', 41), ('bug', 7)`,
    routes: {
      open: async (db, input) => {
        const rows = await db.query<{ value: number }[]>('select value from counters where name = $1', [input.queue])
        const counter = rows[0]
        if (!counter) return { status: 404 }
        const number = counter.value + 1
        await db.query('update counters set value = value + 1 where name = $1', [input.queue])
        await db.getRepository(ticket).insert({ number, subject: String(input.subject) })
        return { status: 201, body: { number } }
      },
      file: async (db, input) => {
        const [rows] = await db.query<[{ value: number }[], number]>(
          'update counters set value = value + 1 where name = $1 returning value',
          [input.queue],
        )
        const counter = rows[0]
        if (!counter) return { status: 404 }
        const saved = await db.getRepository(ticket).save({ number: counter.value, subject: String(input.subject) })
        return { status: 201, body: saved }
      },
    },
    traffic: [
      ['open', { queue: 'bug', subject: 'a' }],
      ['file', { queue: 'bug', subject: 'b' }],
      ['open', { queue: 'nope', subject: 'c' }],
      ['file', { queue: 'nope', subject: 'd' }],
      ['file', { queue: 'ticket', subject: 'e' }],
      ['open', { queue: 'ticket', subject: 'f' }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'the counter is right, the numbers are not',
        first: ['open', { queue: 'ticket', subject: 'x' }],
        second: ['open', { queue: 'ticket', subject: 'y' }],
      },
      {
        label: 'safe',
        kind: 'number from RETURNING, inserted by a statement of its own',
        first: ['file', { queue: 'ticket', subject: 'x' }],
        second: ['file', { queue: 'ticket', subject: 'y' }],
      },
    ],
  }),

  typeormCase([auction, bid], {
    name: 'auctions with bids',
    schema: `
      create table auctions (id integer primary key, top integer not null default 0, open boolean not null default true);
      create table bids (id serial primary key, auction_id integer not null, bidder text not null, cents integer not null)`,
    seed: `
      insert into auctions (id, top) values (1, 100), (2, 0), (3, 500);
      insert into bids (auction_id, bidder, cents) values (1, 'oz', 100), (3, 'oz', 500)`,
    routes: {
      bid: async (db, input) =>
        await db.transaction(async (manager) => {
          const { auction: id, bidder, cents } = input as { auction: number; bidder: string; cents: number }
          const { highest } = (await manager
            .createQueryBuilder(bid, 'b')
            .select('max(b.cents)', 'highest')
            .where('b.auctionId = :id', { id })
            .getRawOne<{ highest: number | null }>()) ?? { highest: null }
          if (cents <= (highest ?? 0)) return { status: 409 }
          await manager.insert(bid, { auctionId: id, bidder, cents })
          return { status: 201 }
        }),
      offer: async (db, input) =>
        await db.transaction(async (manager) => {
          const { auction: id, bidder, cents } = input as { auction: number; bidder: string; cents: number }
          const raised = await manager
            .createQueryBuilder()
            .update(auction)
            .set({ top: cents })
            .where('id = :id and open and top < :cents', { id, cents })
            .execute()
          if (raised.affected === 0) return { status: 409 }
          await manager.insert(bid, { auctionId: id, bidder, cents })
          return { status: 201 }
        }),
      close: async (db, input) => {
        await db.getRepository(auction).update({ id: In([Number(input.auction)]) }, { open: false })
        return { status: 204 }
      },
    },
    traffic: [
      ['bid', { auction: 3, bidder: 'kit', cents: 600 }],
      ['bid', { auction: 3, bidder: 'lee', cents: 600 }],
      ['offer', { auction: 2, bidder: 'kit', cents: 10 }],
      ['offer', { auction: 2, bidder: 'lee', cents: 10 }],
      ['close', { auction: 2 }],
      ['offer', { auction: 2, bidder: 'lee', cents: 90 }],
      ['bid', { auction: 2, bidder: 'lee', cents: 90 }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'both bid the same, above the highest that both have seen',
        first: ['bid', { auction: 1, bidder: 'kit', cents: 150 }],
        second: ['bid', { auction: 1, bidder: 'lee', cents: 150 }],
      },
      {
        label: 'safe',
        kind: 'the top is raised by a condition before the bid is stored',
        first: ['offer', { auction: 1, bidder: 'kit', cents: 150 }],
        second: ['offer', { auction: 1, bidder: 'lee', cents: 150 }],
      },
      {
        label: 'safe',
        kind: 'conditional update against a closing',
        first: ['offer', { auction: 1, bidder: 'kit', cents: 150 }],
        second: ['close', { auction: 1 }],
      },
    ],
  }),

  typeormCase([setting], {
    name: 'settings are replaced and removed',
    schema: `create table settings (key text primary key, value text not null)`,
    seed: `insert into settings values ('theme', 'dark'), ('lang', 'en'), ('size', '12'), ('sound', 'on')`,
    routes: {
      replace: async (db, input) => {
        const settings = db.getRepository(setting)
        const found = await settings.findOneBy({ key: String(input.key) })
        if (!found) return { status: 404 }
        await settings.update({ key: found.key }, { value: String(input.value) })
        return { status: 200 }
      },
      // save() of a row that is gone by then inserts it.
      change: async (db, input) => {
        const settings = db.getRepository(setting)
        const found = await settings.findOneBy({ key: String(input.key) })
        if (!found) return { status: 404 }
        await settings.save({ ...found, value: String(input.value) })
        return { status: 200 }
      },
      remove: async (db, input) => {
        const result = await db.getRepository(setting).delete({ key: String(input.key) })
        return { status: result.affected === 1 ? 204 : 404 }
      },
      discard: async (db, input) => {
        const settings = db.getRepository(setting)
        const found = await settings.findOneBy({ key: String(input.key) })
        if (!found) return { status: 404 }
        await settings.remove(found)
        return { status: 204 }
      },
    },
    traffic: [
      ['replace', { key: 'lang', value: 'de' }],
      ['change', { key: 'lang', value: 'fr' }],
      ['replace', { key: 'none', value: '' }],
      ['change', { key: 'none', value: '' }],
      ['remove', { key: 'lang' }],
      ['remove', { key: 'lang' }],
      ['discard', { key: 'size' }],
      ['discard', { key: 'size' }],
    ],
    pairs: [
      {
        label: 'safe',
        kind: 'update of a row that may be gone: as if it came before',
        first: ['replace', { key: 'theme', value: 'light' }],
        second: ['remove', { key: 'theme' }],
      },
      {
        label: 'clash',
        kind: 'save() brings back what was removed',
        first: ['change', { key: 'theme', value: 'light' }],
        second: ['remove', { key: 'theme' }],
      },
      {
        label: 'clash',
        kind: 'found by both, removed once, both are told so',
        first: ['discard', { key: 'theme' }],
        second: ['discard', { key: 'theme' }],
      },
      {
        label: 'safe',
        kind: 'affected rows decide',
        first: ['remove', { key: 'theme' }],
        second: ['remove', { key: 'theme' }],
      },
    ],
  }),

  typeormCase([room], {
    name: 'game rooms with an array of members',
    schema: `create table game_rooms (id integer primary key, members text[] not null default '{}', capacity integer not null)`,
    seed: `insert into game_rooms values (1, '{ann}', 2), (2, '{}', 4), (3, '{ann,ben}', 2)`,
    routes: {
      join: async (db, input) => {
        const rooms = db.getRepository(room)
        const found = await rooms.findOneByOrFail({ id: Number(input.room) })
        if (found.members.includes(String(input.player))) return { status: 200 }
        if (found.members.length >= found.capacity) return { status: 409 }
        await rooms.save({ ...found, members: [...found.members, String(input.player)] })
        return { status: 201 }
      },
      enter: async (db, input) =>
        await db.transaction(async (manager) => {
          await manager.query('select pg_advisory_xact_lock($1, $2)', [77, input.room])
          const found = await manager.findOneBy(room, { id: Number(input.room) })
          if (!found) return { status: 404 }
          if (found.members.includes(String(input.player))) return { status: 200 }
          if (found.members.length >= found.capacity) return { status: 409 }
          found.members.push(String(input.player))
          await manager.save(room, found)
          return { status: 201 }
        }),
    },
    traffic: [
      ['join', { room: 2, player: 'cat' }],
      ['join', { room: 2, player: 'cat' }],
      ['enter', { room: 2, player: 'dan' }],
      ['enter', { room: 2, player: 'dan' }],
      ['join', { room: 3, player: 'cat' }],
      ['enter', { room: 3, player: 'cat' }],
      ['enter', { room: 9, player: 'cat' }],
    ],
    pairs: [
      {
        label: 'clash',
        kind: 'array saved whole, capacity checked on the loaded one',
        first: ['join', { room: 1, player: 'zoe' }],
        second: ['join', { room: 1, player: 'yan' }],
      },
      {
        label: 'safe',
        kind: 'advisory lock of two numbers, then find and save',
        first: ['enter', { room: 1, player: 'zoe' }],
        second: ['enter', { room: 1, player: 'yan' }],
      },
      {
        label: 'clash',
        kind: 'only one of the two takes the advisory lock',
        first: ['enter', { room: 1, player: 'zoe' }],
        second: ['join', { room: 1, player: 'yan' }],
      },
    ],
  }),
]
