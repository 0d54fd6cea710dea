import { knexCase, type ClashCase } from '../../corpus.js'

interface Meetup {
  id: number
  title: string
  place: string
  capacity: number
  views: number
}

interface Workshop {
  id: number
  title: string
  seats: number
}

interface Attendee {
  id: number
  meetup_id: number
  user_id: number
}

interface WorkshopAttendee {
  id: number
  workshop_id: number
  user_id: number
}

const meetups = knexCase({
  name: 'idioms2/meetups',
  schema: `
    create table users (id serial primary key, name text not null, email text not null unique);
    create table meetups (
      id serial primary key, title text not null, place text not null, capacity int not null, views int not null default 0,
      updated_at timestamptz not null default now()
    );
    create table attendees (
      id serial primary key, meetup_id int not null references meetups (id), user_id int not null references users (id),
      created_at timestamptz not null default now(), unique (meetup_id, user_id)
    );
    create table workshops (id serial primary key, title text not null, seats int not null);
    create table workshop_attendees (
      id serial primary key, workshop_id int not null references workshops (id), user_id int not null references users (id),
      created_at timestamptz not null default now(), unique (workshop_id, user_id)
    );
    create table waitlist (
      id serial primary key, meetup_id int not null references meetups (id), user_id int not null references users (id),
      position int not null
    );
    create table subscribers (id serial primary key, email text not null unique, created_at timestamptz not null default now());
    create table talks (
      id serial primary key, meetup_id int not null references meetups (id), title text not null, votes int not null default 0
    );
    create table talk_votes (
      talk_id int not null references talks (id), user_id int not null references users (id), primary key (talk_id, user_id)
    );
  `,
  seed: `
    insert into users (name, email)
      select 'User ' || n, 'user' || n || '@example.com' from generate_series(1, 9) n;
    insert into meetups (title, place, capacity) values ('Databases', 'Hall 1', 3), ('Compilers', 'Hall 2', 20), ('Frontends', 'Hall 3', 1);
    insert into attendees (meetup_id, user_id) values (1, 1), (1, 2), (2, 1), (3, 9);
    insert into workshops (title, seats) values ('Indexes', 2), ('Queues', 10);
    insert into workshop_attendees (workshop_id, user_id) values (1, 1);
    insert into waitlist (meetup_id, user_id, position) values (3, 8, 1);
    insert into subscribers (email) values ('user1@example.com');
    insert into talks (meetup_id, title) values (1, 'Why vacuum'), (2, 'Why parse');
  `,
  routes: {
    'POST /meetups/:id/attendees': async (db, input) => {
      const meetup = await db<Meetup>('meetups').where('id', Number(input['id'])).first()
      if (!meetup) return { status: 404 }
      const [row] = await db('attendees').where('meetup_id', meetup.id).count('* as count')
      if (Number(row?.['count']) >= meetup.capacity) return { status: 409, body: { error: 'The meetup is full.' } }
      const [attendee] = await db<Attendee>('attendees')
        .insert({ meetup_id: meetup.id, user_id: Number(input['userId']) })
        .onConflict(['meetup_id', 'user_id'])
        .ignore()
        .returning('*')
      return attendee ? { status: 201, body: attendee } : { status: 200 }
    },

    'POST /workshops/:id/attendees': async (db, input) =>
      await db.transaction(async (trx) => {
        const workshop = await trx<Workshop>('workshops').where('id', Number(input['id'])).forUpdate().first()
        if (!workshop) return { status: 404 }
        const [row] = await trx('workshop_attendees').where('workshop_id', workshop.id).count('* as count')
        if (Number(row?.['count']) >= workshop.seats) return { status: 409 }
        const [attendee] = await trx<WorkshopAttendee>('workshop_attendees')
          .insert({ workshop_id: workshop.id, user_id: Number(input['userId']) })
          .onConflict(['workshop_id', 'user_id'])
          .ignore()
          .returning('*')
        return attendee ? { status: 201, body: attendee } : { status: 200 }
      }),

    'GET /meetups/:id': async (db, input) => {
      const id = Number(input['id'])
      await db('meetups').where({ id }).increment('views', 1)
      const meetup = await db<Meetup>('meetups').where({ id }).first()
      if (!meetup) return { status: 404 }
      const attendees = await db('attendees')
        .join('users', 'users.id', 'attendees.user_id')
        .where('attendees.meetup_id', id)
        .select('users.id', 'users.name')
      return { status: 200, body: { ...meetup, attendees } }
    },

    'PUT /meetups/:id': async (db, input) => {
      const id = Number(input['id'])
      const meetup = await db<Meetup>('meetups').where({ id }).first()
      if (!meetup) return { status: 404 }
      const [updated] = await db('meetups')
        .where({ id })
        .update({ title: input['title'], place: input['place'], updated_at: db.fn.now() })
        .returning('*')
      return { status: 200, body: updated }
    },

    'POST /meetups/:id/waitlist': async (db, input) => {
      const meetupId = Number(input['id'])
      const meetup = await db<Meetup>('meetups').where('id', meetupId).first()
      if (!meetup) return { status: 404 }
      return await db.transaction(async (trx) => {
        const last = await trx('waitlist').where('meetup_id', meetupId).max('position as position').first()
        const position = Number(last?.['position'] ?? 0) + 1
        await trx('waitlist').insert({ meetup_id: meetupId, user_id: Number(input['userId']), position })
        return { status: 201, body: { position } }
      })
    },

    'POST /newsletter': async (db, input) => {
      const email = String(input['email'])
      const known = await db('subscribers').where({ email }).first()
      if (!known) await db('subscribers').insert({ email }).onConflict('email').ignore()
      return { status: 204 }
    },

    'POST /talks/:id/votes': async (db, input) => {
      const talkId = Number(input['id'])
      const userId = Number(input['userId'])
      return await db.transaction(async (trx) => {
        const talk = await trx('talks').where('id', talkId).first()
        if (!talk) return { status: 404 }
        const voted = await trx('talk_votes')
          .insert({ talk_id: talkId, user_id: userId })
          .onConflict()
          .ignore()
          .returning('*')
        if (voted.length === 0) return { status: 409, body: { error: 'You have voted already.' } }
        await trx('talks').where('id', talkId).increment('votes', 1)
        return { status: 201 }
      })
    },

    'DELETE /talks/:id/votes': async (db, input) => {
      const talkId = Number(input['id'])
      const userId = Number(input['userId'])
      const vote = await db('talk_votes').where({ talk_id: talkId, user_id: userId }).first()
      if (!vote) return { status: 404 }
      await db.transaction(async (trx) => {
        await trx('talk_votes').where({ talk_id: talkId, user_id: userId }).del()
        await trx('talks').where('id', talkId).decrement('votes', 1)
      })
      return { status: 204 }
    },
  },
  traffic: [
    ['GET /meetups/:id', { id: 1 }],
    ['GET /meetups/:id', { id: 99 }],
    ['POST /meetups/:id/attendees', { id: 2, userId: 5 }],
    ['POST /meetups/:id/attendees', { id: 3, userId: 5 }],
    ['POST /workshops/:id/attendees', { id: 2, userId: 5 }],
    ['POST /workshops/:id/attendees', { id: 2, userId: 5 }],
    ['PUT /meetups/:id', { id: 2, title: 'Compilers and linkers', place: 'Hall 2' }],
    ['POST /meetups/:id/waitlist', { id: 3, userId: 5 }],
    ['POST /newsletter', { email: 'user1@example.com' }],
    ['POST /newsletter', { email: 'user2@example.com' }],
    ['POST /talks/:id/votes', { id: 2, userId: 4 }],
    ['POST /talks/:id/votes', { id: 2, userId: 4 }],
    ['DELETE /talks/:id/votes', { id: 2, userId: 4 }],
    ['DELETE /talks/:id/votes', { id: 2, userId: 4 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'count, then insert: the last seat is taken twice',
      first: ['POST /meetups/:id/attendees', { id: 1, userId: 3 }],
      second: ['POST /meetups/:id/attendees', { id: 1, userId: 4 }],
    },
    {
      label: 'safe',
      kind: 'parent row locked before the count',
      first: ['POST /workshops/:id/attendees', { id: 1, userId: 3 }],
      second: ['POST /workshops/:id/attendees', { id: 1, userId: 4 }],
    },
    {
      label: 'safe',
      kind: 'view counter',
      first: ['GET /meetups/:id', { id: 1 }],
      second: ['GET /meetups/:id', { id: 1 }],
    },
    {
      label: 'safe',
      kind: 'overwrite from the input after a 404 check',
      first: ['PUT /meetups/:id', { id: 1, title: 'Databases at night', place: 'Cellar' }],
      second: ['PUT /meetups/:id', { id: 1, title: 'Databases', place: 'Roof' }],
    },
    {
      label: 'clash',
      kind: 'max plus one: two with one position',
      first: ['POST /meetups/:id/waitlist', { id: 3, userId: 3 }],
      second: ['POST /meetups/:id/waitlist', { id: 3, userId: 4 }],
    },
    {
      label: 'safe',
      kind: 'find or create with on conflict do nothing',
      first: ['POST /newsletter', { email: 'new@example.com' }],
      second: ['POST /newsletter', { email: 'new@example.com' }],
    },
    {
      label: 'safe',
      kind: 'the counter follows the row that was inserted',
      first: ['POST /talks/:id/votes', { id: 1, userId: 3 }],
      second: ['POST /talks/:id/votes', { id: 1, userId: 3 }],
    },
  ],
})

interface Member {
  id: number
  name: string
  points: number
}

interface Registration {
  id: number
  class_id: number
  member_id: number
}

const gym = knexCase({
  name: 'idioms2/gym',
  schema: `
    create table members (id serial primary key, name text not null, points int not null default 0, last_seen_at timestamptz);
    create table classes (id serial primary key, name text not null, booked int not null default 0);
    create table registrations (
      id serial primary key, class_id int not null references classes (id), member_id int not null references members (id)
    );
    create table baskets (id serial primary key, member_id int not null references members (id), status text not null default 'open');
    create table basket_items (
      id serial primary key, basket_id int not null references baskets (id), product_id int not null, quantity int not null
    );
    create table products (id serial primary key, name text not null, price int not null, stock int not null);
    create table orders (
      id serial primary key, member_id int not null references members (id), product_id int not null references products (id),
      quantity int not null, created_at timestamptz not null default now()
    );
  `,
  seed: `
    insert into members (name, points) values ('Member A', 120), ('Member B', 60), ('Member C', 0), ('Member D', 300);
    insert into classes (name, booked) values ('Yoga', 2), ('Rowing', 3);
    insert into registrations (class_id, member_id) values (1, 1), (1, 2), (2, 1), (2, 2), (2, 3);
    insert into baskets (member_id) values (4);
    insert into products (name, price, stock) values ('Towel', 900, 1), ('Bottle', 700, 50), ('Mat', 2500, 0);
  `,
  routes: {
    'DELETE /registrations/:id': async (db, input) => {
      const registration = await db<Registration>('registrations').where('id', Number(input['id'])).first()
      if (!registration) return { status: 404 }
      await db('registrations').where('id', registration.id).del()
      await db('classes').where('id', registration.class_id).decrement('booked', 1)
      return { status: 204 }
    },

    'POST /registrations/:id/cancel': async (db, input) =>
      await db.transaction(async (trx) => {
        const [gone] = await trx<Registration>('registrations').where('id', Number(input['id'])).del().returning('*')
        if (!gone) return { status: 404 }
        await trx('classes').where('id', gone.class_id).decrement('booked', 1)
        return { status: 204 }
      }),

    'POST /rewards': async (db, input) => {
      const cost = Number(input['cost'])
      const member = await db<Member>('members').where('id', Number(input['memberId'])).first()
      if (!member) return { status: 404 }
      if (member.points < cost) return { status: 422, body: { error: 'Not enough points.' } }
      await db('members')
        .where('id', member.id)
        .update({ points: member.points - cost })
      return { status: 200, body: { points: member.points - cost } }
    },

    'POST /orders': async (db, input) => {
      const quantity = Number(input['quantity'])
      const productId = Number(input['productId'])
      return await db.transaction(async (trx) => {
        const product = await trx('products').where('id', productId).first()
        if (!product) return { status: 404 }
        const sold = await trx('products')
          .where('id', productId)
          .andWhere('stock', '>=', quantity)
          .decrement('stock', quantity)
        if (sold === 0) return { status: 409, body: { error: 'Sold out.' } }
        const [order] = await trx('orders')
          .insert({ member_id: Number(input['memberId']), product_id: productId, quantity })
          .returning('id')
        return { status: 201, body: order }
      })
    },

    'POST /baskets/items': async (db, input) => {
      const memberId = Number(input['memberId'])
      return await db.transaction(async (trx) => {
        let basket = await trx('baskets').where({ member_id: memberId, status: 'open' }).forUpdate().first('id')
        if (!basket) [basket] = await trx('baskets').insert({ member_id: memberId }).returning('id')
        await trx('basket_items').insert({
          basket_id: basket.id,
          product_id: Number(input['productId']),
          quantity: Number(input['quantity']),
        })
        return { status: 201, body: { basketId: basket.id } }
      })
    },

    'POST /ping': async (db, input) => {
      const member = await db<Member>('members').where('id', Number(input['memberId'])).first()
      if (!member) return { status: 401 }
      await db('members').where('id', member.id).update({ last_seen_at: new Date() })
      return { status: 200, body: { name: member.name, points: member.points } }
    },
  },
  traffic: [
    ['POST /ping', { memberId: 2 }],
    ['POST /ping', { memberId: 77 }],
    ['DELETE /registrations/:id', { id: 3 }],
    ['DELETE /registrations/:id', { id: 3 }],
    ['POST /registrations/:id/cancel', { id: 4 }],
    ['POST /registrations/:id/cancel', { id: 4 }],
    ['POST /rewards', { memberId: 4, cost: 50 }],
    ['POST /rewards', { memberId: 3, cost: 50 }],
    ['POST /orders', { memberId: 2, productId: 2, quantity: 3 }],
    ['POST /orders', { memberId: 2, productId: 3, quantity: 1 }],
    ['POST /baskets/items', { memberId: 4, productId: 2, quantity: 1 }],
    ['POST /baskets/items', { memberId: 2, productId: 2, quantity: 2 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'check, then delete: the counter goes down twice',
      first: ['DELETE /registrations/:id', { id: 1 }],
      second: ['DELETE /registrations/:id', { id: 1 }],
    },
    {
      label: 'safe',
      kind: 'the counter follows the row that was deleted',
      first: ['POST /registrations/:id/cancel', { id: 1 }],
      second: ['POST /registrations/:id/cancel', { id: 1 }],
    },
    {
      label: 'clash',
      kind: 'lost update: points are spent twice',
      first: ['POST /rewards', { memberId: 1, cost: 100 }],
      second: ['POST /rewards', { memberId: 1, cost: 80 }],
    },
    {
      label: 'safe',
      kind: 'conditional decrement',
      first: ['POST /orders', { memberId: 1, productId: 1, quantity: 1 }],
      second: ['POST /orders', { memberId: 2, productId: 1, quantity: 1 }],
    },
    {
      label: 'clash',
      kind: 'for update of a row that does not exist',
      first: ['POST /baskets/items', { memberId: 3, productId: 1, quantity: 1 }],
      second: ['POST /baskets/items', { memberId: 3, productId: 2, quantity: 1 }],
    },
    {
      label: 'safe',
      kind: 'last seen',
      first: ['POST /ping', { memberId: 1 }],
      second: ['POST /ping', { memberId: 1 }],
    },
  ],
})

export const cases: ClashCase[] = [meetups, gym]
