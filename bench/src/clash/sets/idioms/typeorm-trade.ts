import { type DataSource, EntitySchema } from 'typeorm'
import { type Answer, type ClashCase, type Input, typeormCase } from '../../corpus.js'
import { retrySerialization } from './transaction.js'

interface CartItem {
  cartId: string
  sku: string
  quantity: number
}
const CartItemEntity = new EntitySchema<CartItem>({
  name: 'CartItem',
  tableName: 'cart_items',
  columns: {
    cartId: { type: 'uuid', name: 'cart_id', primary: true },
    sku: { type: 'text', primary: true },
    quantity: { type: 'int' },
  },
})
const CART_A = 'e0000000-0000-4000-8000-000000000001'
const CART_B = 'e0000000-0000-4000-8000-000000000002'
const CART_C = 'e0000000-0000-4000-8000-000000000003'

const cart = typeormCase([CartItemEntity], {
  name: 'idioms typeorm cart',
  schema: `
    create table cart_items (
      cart_id uuid not null, sku text not null, quantity int not null, primary key (cart_id, sku)
    )`,
  seed: `
    insert into cart_items values ('${CART_A}', 'mug', 1), ('${CART_B}', 'mug', 3), ('${CART_B}', 'cap', 1)`,
  routes: {
    'POST /cart/items': async (db, input) => {
      const { cartId, sku, quantity } = input as unknown as CartItem
      const items = db.getRepository(CartItemEntity)
      let item = await items.findOneBy({ cartId, sku })
      if (item) item.quantity += quantity
      else item = items.create({ cartId, sku, quantity })
      await items.save(item)
      return { status: 200, body: item }
    },
    'POST /v2/cart/items': async (db, input) => {
      const { cartId, sku, quantity } = input as unknown as CartItem
      await db.query(
        `INSERT INTO cart_items (cart_id, sku, quantity) VALUES ($1, $2, $3)
         ON CONFLICT (cart_id, sku) DO UPDATE SET quantity = cart_items.quantity + EXCLUDED.quantity`,
        [cartId, sku, quantity],
      )
      return { status: 200 }
    },
    'POST /cart/items/more': async (db, input) => {
      const { cartId, sku, quantity } = input as unknown as CartItem
      const items = db.getRepository(CartItemEntity)
      const item = await items.findOneBy({ cartId, sku })
      if (!item) return { status: 404 }
      await items.increment({ cartId, sku }, 'quantity', quantity)
      return { status: 200, body: { quantity: item.quantity + quantity } }
    },
  },
  traffic: [
    ['POST /cart/items', { cartId: CART_B, sku: 'mug', quantity: 1 }],
    ['POST /cart/items', { cartId: CART_B, sku: 'pen', quantity: 2 }],
    ['POST /cart/items', { cartId: CART_C, sku: 'pen', quantity: 2 }],
    ['POST /v2/cart/items', { cartId: CART_B, sku: 'cap', quantity: 1 }],
    ['POST /v2/cart/items', { cartId: CART_C, sku: 'cap', quantity: 1 }],
    ['POST /cart/items/more', { cartId: CART_B, sku: 'cap', quantity: 2 }],
    ['POST /cart/items/more', { cartId: CART_C, sku: 'cap', quantity: 1 }],
    ['POST /cart/items/more', { cartId: CART_C, sku: 'sofa', quantity: 1 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'lost update of an entity',
      first: ['POST /cart/items', { cartId: CART_A, sku: 'mug', quantity: 1 }],
      second: ['POST /cart/items', { cartId: CART_A, sku: 'mug', quantity: 2 }],
    },
    {
      label: 'clash',
      kind: 'save of a new entity overwrites the row that came meanwhile',
      first: ['POST /cart/items', { cartId: CART_A, sku: 'pen', quantity: 1 }],
      second: ['POST /cart/items', { cartId: CART_A, sku: 'pen', quantity: 2 }],
    },
    {
      label: 'safe',
      kind: 'upsert that increments',
      first: ['POST /v2/cart/items', { cartId: CART_A, sku: 'pen', quantity: 1 }],
      second: ['POST /v2/cart/items', { cartId: CART_A, sku: 'pen', quantity: 2 }],
    },
    {
      label: 'safe',
      kind: 'read for display, then an increment',
      first: ['POST /cart/items/more', { cartId: CART_A, sku: 'mug', quantity: 1 }],
      second: ['POST /cart/items/more', { cartId: CART_A, sku: 'mug', quantity: 2 }],
    },
  ],
})

interface RoomType {
  id: number
  rooms: number
}
interface Reservation {
  id: number
  roomTypeId: number
  night: string
  guest: string
}
const RoomTypeEntity = new EntitySchema<RoomType>({
  name: 'RoomType',
  tableName: 'room_types',
  columns: { id: { type: 'int', primary: true }, rooms: { type: 'int' } },
})
const ReservationEntity = new EntitySchema<Reservation>({
  name: 'Reservation',
  tableName: 'reservations',
  columns: {
    id: { type: 'int', primary: true, generated: true },
    roomTypeId: { type: 'int', name: 'room_type_id' },
    night: { type: 'text' },
    guest: { type: 'text' },
  },
})

const hotel = typeormCase([RoomTypeEntity, ReservationEntity], {
  name: 'idioms typeorm hotel nights',
  schema: `
    create table room_types (id int primary key, rooms int not null);
    create table reservations (
      id serial primary key, room_type_id int not null references room_types, night text not null, guest text not null
    )`,
  seed: `
    insert into room_types values (1, 2), (2, 10), (3, 1);
    insert into reservations (room_type_id, night, guest) values
      (1, '2026-08-01', 'ada'), (3, '2026-08-01', 'bob'), (2, '2026-08-01', 'cyd')`,
  routes: {
    'POST /reservations': async (db, input) => {
      const { roomTypeId, night, guest } = input as unknown as Reservation
      return await db.transaction(async (manager) => {
        const booked = await manager.countBy(ReservationEntity, { roomTypeId, night })
        const roomType = await manager.findOne(RoomTypeEntity, {
          where: { id: roomTypeId },
          lock: { mode: 'pessimistic_write' },
        })
        if (!roomType) return { status: 404 }
        if (booked >= roomType.rooms) return { status: 409 }
        await manager.save(ReservationEntity, { roomTypeId, night, guest })
        return { status: 201 }
      })
    },
    'POST /v2/reservations': async (db, input) => {
      const { roomTypeId, night, guest } = input as unknown as Reservation
      return await db.transaction(async (manager) => {
        const roomType = await manager.findOne(RoomTypeEntity, {
          where: { id: roomTypeId },
          lock: { mode: 'pessimistic_write' },
        })
        if (!roomType) return { status: 404 }
        const booked = await manager.countBy(ReservationEntity, { roomTypeId, night })
        if (booked >= roomType.rooms) return { status: 409 }
        await manager.save(ReservationEntity, { roomTypeId, night, guest })
        return { status: 201 }
      })
    },
    'POST /suites/reservations': async (db, input) => {
      // There is one suite: locking its reservation of the night is enough, or so it seems.
      const { roomTypeId, night, guest } = input as unknown as Reservation
      return await db.transaction(async (manager) => {
        const reservation = await manager
          .getRepository(ReservationEntity)
          .createQueryBuilder('reservation')
          .setLock('pessimistic_write')
          .where('reservation.roomTypeId = :roomTypeId', { roomTypeId })
          .andWhere('reservation.night = :night', { night })
          .getOne()
        if (reservation) return { status: 409 }
        await manager.insert(ReservationEntity, { roomTypeId, night, guest })
        return { status: 201 }
      })
    },
  },
  traffic: [
    ['POST /reservations', { roomTypeId: 2, night: '2026-08-01', guest: 'dan' }],
    ['POST /reservations', { roomTypeId: 3, night: '2026-08-01', guest: 'dan' }],
    ['POST /reservations', { roomTypeId: 30, night: '2026-08-01', guest: 'dan' }],
    ['POST /v2/reservations', { roomTypeId: 2, night: '2026-08-02', guest: 'eve' }],
    ['POST /v2/reservations', { roomTypeId: 3, night: '2026-08-01', guest: 'eve' }],
    ['POST /v2/reservations', { roomTypeId: 1, night: '2026-08-03', guest: 'eve' }],
    ['POST /v2/reservations', { roomTypeId: 31, night: '2026-08-03', guest: 'eve' }],
    ['POST /suites/reservations', { roomTypeId: 3, night: '2026-08-01', guest: 'fay' }],
    ['POST /suites/reservations', { roomTypeId: 3, night: '2026-08-02', guest: 'fay' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'counted before the lock',
      first: ['POST /reservations', { roomTypeId: 1, night: '2026-08-01', guest: 'gus' }],
      second: ['POST /reservations', { roomTypeId: 1, night: '2026-08-01', guest: 'hal' }],
    },
    {
      label: 'safe',
      kind: 'row lock first',
      first: ['POST /v2/reservations', { roomTypeId: 1, night: '2026-08-01', guest: 'gus' }],
      second: ['POST /v2/reservations', { roomTypeId: 1, night: '2026-08-01', guest: 'hal' }],
    },
    {
      label: 'clash',
      kind: 'FOR UPDATE of a row that does not exist',
      first: ['POST /suites/reservations', { roomTypeId: 3, night: '2026-08-09', guest: 'gus' }],
      second: ['POST /suites/reservations', { roomTypeId: 3, night: '2026-08-09', guest: 'hal' }],
    },
  ],
})

interface Player {
  gameId: string
  nickname: string
}
const PlayerEntity = new EntitySchema<Player>({
  name: 'Player',
  tableName: 'players',
  columns: {
    gameId: { type: 'bigint', name: 'game_id', primary: true },
    nickname: { type: 'text', primary: true },
  },
})

async function joinGame(db: DataSource, input: Input, level: 'REPEATABLE READ' | 'SERIALIZABLE'): Promise<Answer> {
  const { gameId, nickname } = input as unknown as Player
  return await db.transaction(level, async (manager) => {
    const players = await manager.findBy(PlayerEntity, { gameId })
    if (players.some((player) => player.nickname === nickname)) return { status: 200 }
    if (players.length >= 4) return { status: 409, body: { error: 'game is full' } }
    await manager.insert(PlayerEntity, { gameId, nickname })
    return { status: 201 }
  })
}

const games = typeormCase([PlayerEntity], {
  name: 'idioms typeorm game lobby',
  schema: `create table players (game_id bigint not null, nickname text not null, primary key (game_id, nickname))`,
  seed: `
    insert into players values
      (1, 'ada'), (1, 'bob'), (1, 'cyd'), (2, 'ada'), (3, 'ada'), (3, 'bob'), (3, 'cyd'), (3, 'dan')`,
  routes: {
    'POST /games/:gameId/join': async (db, input) => await joinGame(db, input, 'REPEATABLE READ'),
    'POST /v2/games/:gameId/join': async (db, input) =>
      await retrySerialization(async () => await joinGame(db, input, 'SERIALIZABLE')),
  },
  traffic: [
    ['POST /games/:gameId/join', { gameId: '2', nickname: 'eve' }],
    ['POST /games/:gameId/join', { gameId: '2', nickname: 'ada' }],
    ['POST /games/:gameId/join', { gameId: '3', nickname: 'eve' }],
    ['POST /v2/games/:gameId/join', { gameId: '2', nickname: 'fay' }],
    ['POST /v2/games/:gameId/join', { gameId: '3', nickname: 'fay' }],
    ['POST /v2/games/:gameId/join', { gameId: '3', nickname: 'bob' }],
    ['POST /v2/games/:gameId/join', { gameId: '4', nickname: 'bob' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'repeatable read does not see the other insert',
      first: ['POST /games/:gameId/join', { gameId: '1', nickname: 'eve' }],
      second: ['POST /games/:gameId/join', { gameId: '1', nickname: 'fay' }],
    },
    {
      label: 'safe',
      kind: 'serializable with retry',
      first: ['POST /v2/games/:gameId/join', { gameId: '1', nickname: 'eve' }],
      second: ['POST /v2/games/:gameId/join', { gameId: '1', nickname: 'fay' }],
    },
  ],
})

interface Expense {
  id: number
  status: string
}
interface Approval {
  expenseId: number
  approver: string
}
const ExpenseEntity = new EntitySchema<Expense>({
  name: 'Expense',
  tableName: 'expenses',
  columns: { id: { type: 'int', primary: true }, status: { type: 'text' } },
})
const ApprovalEntity = new EntitySchema<Approval>({
  name: 'Approval',
  tableName: 'approvals',
  columns: {
    expenseId: { type: 'int', name: 'expense_id', primary: true },
    approver: { type: 'text', primary: true },
  },
})

const expenses = typeormCase([ExpenseEntity, ApprovalEntity], {
  name: 'idioms typeorm expense approvals',
  schema: `
    create table expenses (id int primary key, status text not null default 'pending');
    create table approvals (
      expense_id int not null references expenses, approver text not null, primary key (expense_id, approver)
    )`,
  seed: `
    insert into expenses (id) values (1), (2), (3), (4);
    insert into approvals values (2, 'ada'), (3, 'bob')`,
  routes: {
    'POST /expenses/:id/approve': async (db, input) => {
      const { id, approver } = input as { id: number; approver: string }
      return await db.transaction(async (manager) => {
        if (!(await manager.existsBy(ExpenseEntity, { id }))) return { status: 404 }
        await manager.upsert(ApprovalEntity, { expenseId: id, approver }, ['expenseId', 'approver'])
        const approvals = await manager.countBy(ApprovalEntity, { expenseId: id })
        if (approvals >= 2) await manager.update(ExpenseEntity, { id }, { status: 'approved' })
        return { status: 200 }
      })
    },
    'POST /v2/expenses/:id/approve': async (db, input) => {
      // Without a transaction: whoever counts last sees both.
      const { id, approver } = input as { id: number; approver: string }
      if (!(await db.getRepository(ExpenseEntity).existsBy({ id }))) return { status: 404 }
      await db
        .createQueryBuilder()
        .insert()
        .into(ApprovalEntity)
        .values({ expenseId: id, approver })
        .orIgnore()
        .execute()
      const approvals = await db.getRepository(ApprovalEntity).countBy({ expenseId: id })
      if (approvals >= 2) await db.getRepository(ExpenseEntity).update({ id }, { status: 'approved' })
      return { status: 200 }
    },
  },
  traffic: [
    ['POST /expenses/:id/approve', { id: 2, approver: 'cyd' }],
    ['POST /expenses/:id/approve', { id: 3, approver: 'bob' }],
    ['POST /expenses/:id/approve', { id: 30, approver: 'bob' }],
    ['POST /v2/expenses/:id/approve', { id: 3, approver: 'bob' }],
    ['POST /v2/expenses/:id/approve', { id: 3, approver: 'cyd' }],
    ['POST /v2/expenses/:id/approve', { id: 4, approver: 'cyd' }],
    ['POST /v2/expenses/:id/approve', { id: 31, approver: 'cyd' }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'each counts without the other',
      first: ['POST /expenses/:id/approve', { id: 1, approver: 'ada' }],
      second: ['POST /expenses/:id/approve', { id: 1, approver: 'bob' }],
    },
    {
      label: 'safe',
      kind: 'counts after its own committed insert',
      first: ['POST /v2/expenses/:id/approve', { id: 1, approver: 'ada' }],
      second: ['POST /v2/expenses/:id/approve', { id: 1, approver: 'bob' }],
    },
  ],
})

export const cases: ClashCase[] = [cart, hotel, games, expenses]
