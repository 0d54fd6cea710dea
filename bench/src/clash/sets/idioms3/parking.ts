import type { Pool, PoolClient } from 'pg'
import { pgCase, type ClashCase } from '../../corpus.js'

async function transact<Result>(pool: Pool, work: (client: PoolClient) => Promise<Result>): Promise<Result> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    const result = await work(client)
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}

function addMonths(date: string, months: number): string {
  const next = new Date(`${date}T00:00:00Z`)
  next.setUTCMonth(next.getUTCMonth() + months)
  return next.toISOString().slice(0, 10)
}

const permits = pgCase({
  name: 'parking-permits',
  schema: `
    create table zones (id int primary key, name text not null, capacity int not null);
    create table permits (
      id int generated always as identity primary key,
      zone_id int not null references zones,
      plate text not null,
      kind text not null default 'resident',
      status text not null default 'active',
      expires_on date not null,
      created_at timestamptz not null default now()
    );
  `,
  seed: `
    insert into zones values (11, 'Harbour', 3), (12, 'Old town', 40), (13, 'Station', 3);
    insert into permits (zone_id, plate, kind, status, expires_on) values
      (11, 'KA-1101', 'resident', 'active', '2031-03-10'),
      (11, 'KA-1102', 'resident', 'active', '2031-04-10'),
      (12, 'KA-1201', 'resident', 'active', '2031-05-10'),
      (12, 'KA-1202', 'resident', 'revoked', '2031-06-10'),
      (13, 'KA-1301', 'visitor', 'active', '2031-07-10'),
      (13, 'KA-1302', 'visitor', 'active', '2031-08-10');
  `,
  routes: {
    'POST /zones/:zone/permits': async (pool, input) => {
      const zones = await pool.query<{ capacity: number }>('SELECT capacity FROM zones WHERE id = $1', [input.zone])
      const zone = zones.rows[0]
      if (!zone) return { status: 404 }
      const active = await pool.query<{ count: number }>(
        `SELECT count(*)::int AS count FROM permits WHERE zone_id = $1 AND status = 'active'`,
        [input.zone],
      )
      if ((active.rows[0]?.count ?? 0) >= zone.capacity) return { status: 409, body: { error: 'zone is full' } }
      const created = await pool.query(
        'INSERT INTO permits (zone_id, plate, expires_on) VALUES ($1, $2, $3) RETURNING id',
        [input.zone, input.plate, input.expires],
      )
      return { status: 201, body: created.rows[0] }
    },
    'POST /zones/:zone/visitor-permits': async (pool, input) =>
      await transact(pool, async (client) => {
        const zones = await client.query<{ capacity: number }>('SELECT capacity FROM zones WHERE id = $1 FOR UPDATE', [
          input.zone,
        ])
        const zone = zones.rows[0]
        if (!zone) return { status: 404 }
        const active = await client.query<{ count: number }>(
          `SELECT count(*)::int AS count FROM permits WHERE zone_id = $1 AND status = 'active'`,
          [input.zone],
        )
        if ((active.rows[0]?.count ?? 0) >= zone.capacity) return { status: 409, body: { error: 'zone is full' } }
        const created = await client.query(
          `INSERT INTO permits (zone_id, plate, kind, expires_on) VALUES ($1, $2, 'visitor', $3) RETURNING id`,
          [input.zone, input.plate, input.expires],
        )
        return { status: 201, body: created.rows[0] }
      }),
    'POST /permits/:permit/renew': async (pool, input) => {
      const found = await pool.query<{ status: string; expires_on: string }>(
        'SELECT status, expires_on::text FROM permits WHERE id = $1',
        [input.permit],
      )
      const permit = found.rows[0]
      if (!permit) return { status: 404 }
      if (permit.status !== 'active') return { status: 409 }
      const expires = addMonths(permit.expires_on, Number(input.months))
      await pool.query('UPDATE permits SET expires_on = $2 WHERE id = $1', [input.permit, expires])
      return { status: 200, body: { expires } }
    },
    'POST /permits/:permit/extend': async (pool, input) => {
      const updated = await pool.query<{ expires_on: string }>(
        `UPDATE permits SET expires_on = expires_on + $2::int
         WHERE id = $1 AND status = 'active' RETURNING expires_on::text`,
        [input.permit, input.days],
      )
      if (updated.rowCount === 0) return { status: 404 }
      return { status: 200, body: updated.rows[0] }
    },
    'PUT /permits/:permit/plate': async (pool, input) => {
      const found = await pool.query<{ status: string }>('SELECT status FROM permits WHERE id = $1', [input.permit])
      const permit = found.rows[0]
      if (!permit) return { status: 404 }
      if (permit.status !== 'active') return { status: 409 }
      await pool.query('UPDATE permits SET plate = $2 WHERE id = $1', [input.permit, input.plate])
      return { status: 200 }
    },
    'POST /permits/:permit/revoke': async (pool, input) => {
      const revoked = await pool.query(`UPDATE permits SET status = 'revoked' WHERE id = $1 AND status = 'active'`, [
        input.permit,
      ])
      return { status: revoked.rowCount === 1 ? 200 : 404 }
    },
  },
  traffic: [
    ['POST /zones/:zone/permits', { zone: 12, plate: 'MA-2201', expires: '2032-01-31' }],
    ['POST /zones/:zone/permits', { zone: 11, plate: 'MA-2202', expires: '2032-02-28' }],
    ['POST /zones/:zone/permits', { zone: 11, plate: 'MA-2203', expires: '2032-03-31' }],
    ['POST /zones/:zone/permits', { zone: 99, plate: 'MA-2204', expires: '2032-03-31' }],
    ['POST /zones/:zone/visitor-permits', { zone: 13, plate: 'MA-2301', expires: '2030-05-05' }],
    ['POST /zones/:zone/visitor-permits', { zone: 13, plate: 'MA-2302', expires: '2030-05-06' }],
    ['POST /permits/:permit/renew', { permit: 2, months: 12 }],
    ['POST /permits/:permit/renew', { permit: 4, months: 12 }],
    ['POST /permits/:permit/extend', { permit: 3, days: 30 }],
    ['PUT /permits/:permit/plate', { permit: 5, plate: 'MA-2501' }],
    ['POST /permits/:permit/revoke', { permit: 5 }],
    ['PUT /permits/:permit/plate', { permit: 5, plate: 'MA-2502' }],
    ['POST /permits/:permit/revoke', { permit: 77 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'count then insert, no lock',
      first: ['POST /zones/:zone/permits', { zone: 11, plate: 'HD-3001', expires: '2033-01-01' }],
      second: ['POST /zones/:zone/permits', { zone: 11, plate: 'HD-3002', expires: '2033-02-02' }],
    },
    {
      label: 'clash',
      kind: 'two routes to one quota, only one of them locks',
      first: ['POST /zones/:zone/permits', { zone: 13, plate: 'HD-3003', expires: '2033-03-03' }],
      second: ['POST /zones/:zone/visitor-permits', { zone: 13, plate: 'HD-3004', expires: '2033-04-04' }],
    },
    {
      label: 'safe',
      kind: 'parent row locked before the count',
      first: ['POST /zones/:zone/visitor-permits', { zone: 13, plate: 'HD-3005', expires: '2033-05-05' }],
      second: ['POST /zones/:zone/visitor-permits', { zone: 13, plate: 'HD-3006', expires: '2033-06-06' }],
    },
    {
      label: 'clash',
      kind: 'lost update',
      first: ['POST /permits/:permit/renew', { permit: 3, months: 12 }],
      second: ['POST /permits/:permit/renew', { permit: 3, months: 6 }],
    },
    {
      label: 'safe',
      kind: 'relative update',
      first: ['POST /permits/:permit/extend', { permit: 3, days: 14 }],
      second: ['POST /permits/:permit/extend', { permit: 3, days: 7 }],
    },
    {
      // A plate set after the revocation looks as one that was set before it.
      label: 'safe',
      kind: 'stale check that equals an order',
      first: ['PUT /permits/:permit/plate', { permit: 1, plate: 'HD-3007' }],
      second: ['POST /permits/:permit/revoke', { permit: 1 }],
    },
  ],
})

const garage = pgCase({
  name: 'garage-sessions',
  schema: `
    create table bays (id int primary key, label text not null, rate_cents int not null);
    create table stays (
      id int generated always as identity primary key,
      bay_id int not null references bays,
      plate text not null,
      started_at timestamptz not null default now(),
      ended_at timestamptz
    );
    create table charges (id int generated always as identity primary key, stay_id int not null references stays, cents int not null);
    create table loadings (
      id int generated always as identity primary key,
      bay_id int not null references bays,
      carrier text not null,
      open boolean not null default true
    );
    create unique index loadings_one_open on loadings (bay_id) where open;
  `,
  seed: `
    insert into bays values (1, 'A1', 250), (2, 'A2', 300), (3, 'L1', 0), (4, 'L2', 0);
    insert into stays (bay_id, plate) values (1, 'KA-5001'), (2, 'KA-5002'), (2, 'KA-5003');
    insert into loadings (bay_id, carrier) values (4, 'north freight');
  `,
  routes: {
    'POST /stays': async (pool, input) =>
      await transact(pool, async (client) => {
        const open = await client.query('SELECT id FROM stays WHERE plate = $1 AND ended_at IS NULL FOR UPDATE', [
          input.plate,
        ])
        if (open.rows.length > 0) return { status: 409, body: { error: 'already parked' } }
        const created = await client.query('INSERT INTO stays (bay_id, plate) VALUES ($1, $2) RETURNING id', [
          input.bay,
          input.plate,
        ])
        return { status: 201, body: created.rows[0] }
      }),
    'POST /stays/:stay/end': async (pool, input) =>
      await transact(pool, async (client) => {
        const found = await client.query<{ ended_at: Date | null; rate_cents: number }>(
          `SELECT s.ended_at, b.rate_cents FROM stays s JOIN bays b ON b.id = s.bay_id WHERE s.id = $1`,
          [input.stay],
        )
        const stay = found.rows[0]
        if (!stay) return { status: 404 }
        if (stay.ended_at) return { status: 409 }
        await client.query('UPDATE stays SET ended_at = now() WHERE id = $1', [input.stay])
        const cents = stay.rate_cents * Number(input.hours)
        await client.query('INSERT INTO charges (stay_id, cents) VALUES ($1, $2)', [input.stay, cents])
        return { status: 200, body: { cents } }
      }),
    'POST /stays/:stay/checkout': async (pool, input) =>
      await transact(pool, async (client) => {
        const ended = await client.query<{ bay_id: number }>(
          'UPDATE stays SET ended_at = now() WHERE id = $1 AND ended_at IS NULL RETURNING bay_id',
          [input.stay],
        )
        const stay = ended.rows[0]
        if (!stay) return { status: 409 }
        const bay = await client.query<{ rate_cents: number }>('SELECT rate_cents FROM bays WHERE id = $1', [
          stay.bay_id,
        ])
        const cents = (bay.rows[0]?.rate_cents ?? 0) * Number(input.hours)
        await client.query('INSERT INTO charges (stay_id, cents) VALUES ($1, $2)', [input.stay, cents])
        return { status: 200, body: { cents } }
      }),
    'POST /bays/:bay/loadings': async (pool, input) => {
      const created = await pool.query(
        'INSERT INTO loadings (bay_id, carrier) VALUES ($1, $2) ON CONFLICT (bay_id) WHERE open DO NOTHING RETURNING id',
        [input.bay, input.carrier],
      )
      if (created.rows.length === 0) return { status: 409 }
      return { status: 201, body: created.rows[0] }
    },
    'PUT /bays/:bay/rate': async (pool, input) => {
      const updated = await pool.query('UPDATE bays SET rate_cents = $2 WHERE id = $1', [input.bay, input.cents])
      return { status: updated.rowCount === 0 ? 404 : 200 }
    },
  },
  traffic: [
    ['POST /stays', { bay: 1, plate: 'MA-6001' }],
    ['POST /stays', { bay: 2, plate: 'MA-6001' }],
    ['POST /stays', { bay: 2, plate: 'MA-6002' }],
    ['POST /stays/:stay/end', { stay: 1, hours: 2 }],
    ['POST /stays/:stay/end', { stay: 1, hours: 2 }],
    ['POST /stays/:stay/end', { stay: 900, hours: 1 }],
    ['POST /stays/:stay/checkout', { stay: 3, hours: 5 }],
    ['POST /stays/:stay/checkout', { stay: 3, hours: 5 }],
    ['POST /bays/:bay/loadings', { bay: 4, carrier: 'east parcels' }],
    ['POST /bays/:bay/loadings', { bay: 3, carrier: 'east parcels' }],
    ['PUT /bays/:bay/rate', { bay: 1, cents: 275 }],
    ['PUT /bays/:bay/rate', { bay: 50, cents: 275 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'FOR UPDATE of a row that does not exist',
      first: ['POST /stays', { bay: 1, plate: 'HD-7001' }],
      second: ['POST /stays', { bay: 2, plate: 'HD-7001' }],
    },
    {
      label: 'clash',
      kind: 'state checked, then written without a condition',
      first: ['POST /stays/:stay/end', { stay: 2, hours: 3 }],
      second: ['POST /stays/:stay/end', { stay: 2, hours: 4 }],
    },
    {
      label: 'safe',
      kind: 'conditional update first',
      first: ['POST /stays/:stay/checkout', { stay: 2, hours: 3 }],
      second: ['POST /stays/:stay/checkout', { stay: 2, hours: 4 }],
    },
    {
      label: 'clash',
      kind: 'one of two routes has the condition',
      first: ['POST /stays/:stay/end', { stay: 2, hours: 3 }],
      second: ['POST /stays/:stay/checkout', { stay: 2, hours: 3 }],
    },
    {
      label: 'safe',
      kind: 'partial unique index with ON CONFLICT',
      first: ['POST /bays/:bay/loadings', { bay: 3, carrier: 'south express' }],
      second: ['POST /bays/:bay/loadings', { bay: 3, carrier: 'west cargo' }],
    },
    {
      label: 'safe',
      kind: 'a price read once, set meanwhile',
      first: ['POST /stays/:stay/checkout', { stay: 2, hours: 3 }],
      second: ['PUT /bays/:bay/rate', { bay: 2, cents: 350 }],
    },
  ],
})

export const cases: ClashCase[] = [permits, garage]
