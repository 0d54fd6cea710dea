import { knexCase, type ClashCase } from '../../corpus.js'

interface Room {
  id: number
  class: string
  booking_id: number | null
}

interface Guest {
  id: number
  points: number
  tier: string
}

interface Workspace {
  id: number
  plan: string
}

const hotel = knexCase({
  name: 'hotel-upgrades',
  schema: `
    create table guests (id int primary key, tier text not null, points int not null);
    create table bookings (id int primary key, guest_id int not null references guests, class text not null);
    create table rooms (id int primary key, class text not null, booking_id int references bookings);
    create table upgrades (
      id serial primary key,
      booking_id int not null references bookings,
      class text not null,
      points int not null
    );
  `,
  seed: `
    insert into guests values (61, 'gold', 900), (62, 'silver', 1500), (63, 'basic', 100);
    insert into bookings values (301, 61, 'standard'), (302, 61, 'standard'), (303, 62, 'standard'), (304, 63, 'standard'), (305, 62, 'deluxe');
    insert into rooms values (511, 'suite', null), (512, 'deluxe', null), (513, 'deluxe', 305), (514, 'suite', null);
  `,
  routes: {
    'POST /bookings/:booking/upgrade': async (db, input) => {
      const booking = await db('bookings').where({ id: input.booking }).first<{ guest_id: number } | undefined>()
      if (!booking) return { status: 404 }
      const guest = await db('guests').where({ id: booking.guest_id }).first<Guest>()
      const price = Number(input.points)
      if (guest.points < price) return { status: 402, body: { missing: price - guest.points } }
      return await db.transaction(async (trx) => {
        await trx('guests').where({ id: guest.id }).decrement('points', price)
        await trx('bookings').where({ id: input.booking }).update({ class: input.class })
        await trx('upgrades').insert({ booking_id: input.booking, class: input.class, points: price })
        return { status: 200 }
      })
    },
    'POST /bookings/:booking/paid-upgrade': async (db, input) =>
      await db.transaction(async (trx) => {
        const booking = await trx('bookings').where({ id: input.booking }).first<{ guest_id: number } | undefined>()
        if (!booking) return { status: 404 }
        const guest = await trx('guests').where({ id: booking.guest_id }).forUpdate().first<Guest>()
        const price = Number(input.points)
        if (guest.points < price) return { status: 402 }
        await trx('guests')
          .where({ id: guest.id })
          .update({ points: guest.points - price })
        await trx('bookings').where({ id: input.booking }).update({ class: input.class })
        await trx('upgrades').insert({ booking_id: input.booking, class: input.class, points: price })
        return { status: 200 }
      }),
    'POST /rooms/:room/check-in': async (db, input) => {
      const room = await db('rooms').where({ id: input.room }).forUpdate().first<Room | undefined>()
      if (!room) return { status: 404 }
      if (room.booking_id !== null) return { status: 409 }
      await db('rooms').where({ id: input.room }).update({ booking_id: input.booking })
      return { status: 200 }
    },
    'POST /rooms/:room/assign': async (db, input) =>
      await db.transaction(async (trx) => {
        const room = await trx('rooms').where({ id: input.room }).forUpdate().first<Room | undefined>()
        if (!room) return { status: 404 }
        if (room.booking_id !== null) return { status: 409 }
        await trx('rooms').where({ id: input.room }).update({ booking_id: input.booking })
        return { status: 200 }
      }),
    'POST /rooms/:room/check-out': async (db, input) => {
      await db('rooms').where({ id: input.room }).update({ booking_id: null })
      return { status: 204 }
    },
  },
  traffic: [
    ['POST /bookings/:booking/upgrade', { booking: 303, class: 'deluxe', points: 400 }],
    ['POST /bookings/:booking/upgrade', { booking: 304, class: 'suite', points: 650 }],
    ['POST /bookings/:booking/upgrade', { booking: 999, class: 'suite', points: 650 }],
    ['POST /bookings/:booking/paid-upgrade', { booking: 305, class: 'suite', points: 650 }],
    ['POST /bookings/:booking/paid-upgrade', { booking: 304, class: 'suite', points: 650 }],
    ['POST /rooms/:room/check-in', { room: 511, booking: 305 }],
    ['POST /rooms/:room/check-in', { room: 513, booking: 301 }],
    ['POST /rooms/:room/assign', { room: 512, booking: 303 }],
    ['POST /rooms/:room/assign', { room: 512, booking: 301 }],
    ['POST /rooms/:room/check-out', { room: 513 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'balance checked before the transaction',
      first: ['POST /bookings/:booking/upgrade', { booking: 301, class: 'suite', points: 650 }],
      second: ['POST /bookings/:booking/upgrade', { booking: 302, class: 'deluxe', points: 550 }],
    },
    {
      label: 'safe',
      kind: 'row lock before the check',
      first: ['POST /bookings/:booking/paid-upgrade', { booking: 301, class: 'suite', points: 650 }],
      second: ['POST /bookings/:booking/paid-upgrade', { booking: 302, class: 'deluxe', points: 550 }],
    },
    {
      label: 'clash',
      kind: 'FOR UPDATE outside of a transaction',
      first: ['POST /rooms/:room/check-in', { room: 514, booking: 301 }],
      second: ['POST /rooms/:room/check-in', { room: 514, booking: 303 }],
    },
    {
      label: 'safe',
      kind: 'FOR UPDATE in a transaction',
      first: ['POST /rooms/:room/assign', { room: 514, booking: 301 }],
      second: ['POST /rooms/:room/assign', { room: 514, booking: 303 }],
    },
    {
      label: 'safe',
      kind: 'idempotent constant',
      first: ['POST /rooms/:room/check-out', { room: 513 }],
      second: ['POST /rooms/:room/check-out', { room: 513 }],
    },
  ],
})

const LIMITS: Record<string, number> = { free: 2, team: 5 }

const plans = knexCase({
  name: 'plan-limits',
  schema: `
    create table workspaces (id int primary key, plan text not null);
    create table members (id int primary key, workspace_id int not null references workspaces, email text not null);
    create table boards (id serial primary key, workspace_id int not null references workspaces, title text not null, created_by int not null references members);
  `,
  seed: `
    insert into workspaces values (21, 'free'), (22, 'team'), (23, 'free');
    insert into members values (81, 21, 'm81@mail.test'), (82, 21, 'm82@mail.test'), (83, 22, 'm83@mail.test'), (84, 22, 'm84@mail.test'), (85, 23, 'm85@mail.test');
    insert into boards (workspace_id, title, created_by) values (21, 'roadmap', 81), (22, 'sprint', 83), (22, 'retro', 84), (23, 'ideas', 85), (23, 'plans', 85);
  `,
  routes: {
    'POST /boards': async (db, input) =>
      await db.transaction(async (trx) => {
        const member = await trx('members')
          .where({ id: input.member })
          .forUpdate()
          .first<{ workspace_id: number } | undefined>()
        if (!member) return { status: 401 }
        const workspace = await trx('workspaces').where({ id: member.workspace_id }).first<Workspace>()
        const count = await trx('boards').where({ workspace_id: workspace.id }).count({ boards: '*' }).first()
        if (Number(count?.boards) >= (LIMITS[workspace.plan] ?? 0)) return { status: 402 }
        await trx('boards').insert({ workspace_id: workspace.id, title: input.title, created_by: input.member })
        return { status: 201 }
      }),
    'POST /workspaces/:workspace/boards': async (db, input) =>
      await db.transaction(async (trx) => {
        const workspace = await trx('workspaces')
          .where({ id: input.workspace })
          .forUpdate()
          .first<Workspace | undefined>()
        if (!workspace) return { status: 404 }
        const titles = await trx('boards').where({ workspace_id: workspace.id }).pluck('title')
        if (titles.length >= (LIMITS[workspace.plan] ?? 0)) return { status: 402, body: { titles } }
        await trx('boards').insert({ workspace_id: workspace.id, title: input.title, created_by: input.member })
        return { status: 201 }
      }),
    'POST /workspaces/:workspace/downgrade': async (db, input) =>
      await db.transaction(async (trx) => {
        const titles = await trx('boards').where({ workspace_id: input.workspace }).pluck('title')
        if (titles.length > 2) return { status: 409, body: { titles } }
        await trx('workspaces').where({ id: input.workspace }).update({ plan: 'free' })
        return { status: 200 }
      }),
  },
  traffic: [
    ['POST /boards', { member: 83, title: 'bugs' }],
    ['POST /boards', { member: 85, title: 'more ideas' }],
    ['POST /boards', { member: 404, title: 'none' }],
    ['POST /workspaces/:workspace/boards', { workspace: 22, member: 84, title: 'hiring' }],
    ['POST /workspaces/:workspace/boards', { workspace: 23, member: 85, title: 'even more' }],
    ['POST /workspaces/:workspace/downgrade', { workspace: 22 }],
    ['POST /workspaces/:workspace/downgrade', { workspace: 23 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'the member is locked, the limit is of the workspace',
      first: ['POST /boards', { member: 81, title: 'launch' }],
      second: ['POST /boards', { member: 82, title: 'press' }],
    },
    {
      label: 'safe',
      kind: 'the workspace is locked',
      first: ['POST /workspaces/:workspace/boards', { workspace: 21, member: 81, title: 'launch' }],
      second: ['POST /workspaces/:workspace/boards', { workspace: 21, member: 82, title: 'press' }],
    },
    {
      // The downgrade counts before it waits for the lock: a free workspace with three boards.
      label: 'clash',
      kind: 'write skew, one side counts before it locks',
      first: ['POST /workspaces/:workspace/boards', { workspace: 22, member: 83, title: 'launch' }],
      second: ['POST /workspaces/:workspace/downgrade', { workspace: 22 }],
    },
  ],
})

export const cases: ClashCase[] = [hotel, plans]
