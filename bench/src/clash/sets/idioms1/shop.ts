import { type ClashCase, pgCase } from '../../corpus.js'

interface Product {
  id: number
  name: string
  description: string
  price_cents: number
  stock: number
}

interface Coupon {
  id: number
  max_uses: number
  used: number
  percent: number
}

const webshop = pgCase({
  name: 'web shop on pg',
  schema: `
    create table products (
      id int primary key,
      name text not null,
      description text not null default '',
      price_cents int not null,
      stock int not null,
      views int not null default 0
    );
    create table coupons (
      id int primary key,
      code text not null unique,
      percent int not null,
      max_uses int not null,
      used int not null default 0
    );
    create table orders (
      id serial primary key,
      customer_id int not null,
      product_id int not null references products (id),
      quantity int not null,
      total_cents int not null,
      status text not null default 'pending',
      created_at timestamptz not null default now()
    );
  `,
  seed: `
    insert into products (id, name, description, price_cents, stock) values
      (1, 'Mug', 'Holds coffee', 900, 1), (2, 'Poster', 'A2', 1500, 20), (3, 'Cap', 'Blue', 1900, 0), (4, 'Pen', 'Black', 200, 3);
    insert into coupons (id, code, percent, max_uses, used) values
      (1, 'WELCOME', 10, 1, 0), (2, 'SPRING', 20, 100, 7), (3, 'OLD', 50, 5, 5);
    insert into orders (customer_id, product_id, quantity, total_cents, status) values
      (1, 2, 1, 1500, 'pending'), (2, 2, 2, 3000, 'shipped'), (3, 4, 2, 400, 'pending');
  `,
  routes: {
    'POST /orders': async (db, input) => {
      const quantity = Number(input.quantity)
      const client = await db.connect()
      try {
        await client.query('BEGIN')
        const { rows } = await client.query<Product>('SELECT * FROM products WHERE id = $1', [input.productId])
        const product = rows[0]
        if (!product) {
          await client.query('ROLLBACK')
          return { status: 404, body: { error: 'Product not found' } }
        }
        if (product.stock < quantity) {
          await client.query('ROLLBACK')
          return { status: 409, body: { error: 'Out of stock' } }
        }
        await client.query('UPDATE products SET stock = stock - $1 WHERE id = $2', [quantity, product.id])
        const order = await client.query<{ id: number }>(
          'INSERT INTO orders (customer_id, product_id, quantity, total_cents) VALUES ($1, $2, $3, $4) RETURNING id',
          [input.customerId, product.id, quantity, product.price_cents * quantity],
        )
        await client.query('COMMIT')
        return { status: 201, body: order.rows[0] }
      } catch (error) {
        await client.query('ROLLBACK')
        throw error
      } finally {
        client.release()
      }
    },

    'POST /express-orders': async (db, input) => {
      const quantity = Number(input.quantity)
      const client = await db.connect()
      try {
        await client.query('BEGIN')
        const { rows } = await client.query<Product>(
          'UPDATE products SET stock = stock - $1 WHERE id = $2 AND stock >= $1 RETURNING *',
          [quantity, input.productId],
        )
        const product = rows[0]
        if (!product) {
          await client.query('ROLLBACK')
          return { status: 409, body: { error: 'Not available' } }
        }
        await client.query(
          'INSERT INTO orders (customer_id, product_id, quantity, total_cents) VALUES ($1, $2, $3, $4)',
          [input.customerId, product.id, quantity, product.price_cents * quantity],
        )
        await client.query('COMMIT')
        return { status: 201 }
      } catch (error) {
        await client.query('ROLLBACK')
        throw error
      } finally {
        client.release()
      }
    },

    'POST /orders/:id/cancel': async (db, input) => {
      const { rows } = await db.query<{ status: string; product_id: number; quantity: number }>(
        'SELECT status, product_id, quantity FROM orders WHERE id = $1 AND customer_id = $2',
        [input.id, input.customerId],
      )
      const order = rows[0]
      if (!order) return { status: 404 }
      if (order.status !== 'pending') return { status: 409, body: { error: `Order is already ${order.status}` } }
      await db.query("UPDATE orders SET status = 'cancelled' WHERE id = $1", [input.id])
      await db.query('UPDATE products SET stock = stock + $1 WHERE id = $2', [order.quantity, order.product_id])
      return { status: 200 }
    },

    'POST /coupons/redeem': async (db, input) => {
      const { rows } = await db.query<Coupon>('SELECT * FROM coupons WHERE code = $1', [input.code])
      const coupon = rows[0]
      if (!coupon) return { status: 404, body: { error: 'Unknown coupon' } }
      if (coupon.used >= coupon.max_uses) return { status: 410, body: { error: 'Coupon is used up' } }
      await db.query('UPDATE coupons SET used = $1 WHERE id = $2', [coupon.used + 1, coupon.id])
      return { status: 200, body: { percent: coupon.percent } }
    },

    'PUT /products/:id': async (db, input) => {
      const found = await db.query('SELECT id FROM products WHERE id = $1', [input.id])
      if (found.rowCount === 0) return { status: 404, body: { error: 'Product not found' } }
      const updated = await db.query<Product>(
        'UPDATE products SET name = $1, description = $2, price_cents = $3 WHERE id = $4 RETURNING *',
        [input.name, input.description, input.priceCents, input.id],
      )
      return { status: 200, body: updated.rows[0] }
    },

    'PATCH /products/:id': async (db, input) => {
      const { rows } = await db.query<Product>('SELECT * FROM products WHERE id = $1', [input.id])
      const product = rows[0]
      if (!product) return { status: 404, body: { error: 'Product not found' } }
      const name = input.name ?? product.name
      const description = input.description ?? product.description
      const priceCents = input.priceCents ?? product.price_cents
      await db.query('UPDATE products SET name = $1, description = $2, price_cents = $3 WHERE id = $4', [
        name,
        description,
        priceCents,
        product.id,
      ])
      return { status: 200 }
    },

    'GET /products/:id': async (db, input) => {
      const { rows } = await db.query<Product>('SELECT * FROM products WHERE id = $1', [input.id])
      if (!rows[0]) return { status: 404 }
      await db.query('UPDATE products SET views = views + 1 WHERE id = $1', [input.id])
      return { status: 200, body: rows[0] }
    },
  },
  traffic: [
    ['POST /orders', { customerId: 1, productId: 2, quantity: 1 }],
    ['POST /orders', { customerId: 2, productId: 4, quantity: 1 }],
    ['POST /orders', { customerId: 1, productId: 3, quantity: 1 }],
    ['POST /orders', { customerId: 1, productId: 99, quantity: 1 }],
    ['POST /express-orders', { customerId: 4, productId: 2, quantity: 2 }],
    ['POST /express-orders', { customerId: 4, productId: 3, quantity: 1 }],
    ['POST /orders/:id/cancel', { id: 3, customerId: 3 }],
    ['POST /orders/:id/cancel', { id: 2, customerId: 2 }],
    ['POST /coupons/redeem', { code: 'SPRING' }],
    ['POST /coupons/redeem', { code: 'OLD' }],
    ['PUT /products/:id', { id: 2, name: 'Poster', description: 'A2, glossy', priceCents: 1600 }],
    ['PATCH /products/:id', { id: 4, description: 'Blue ink' }],
    ['GET /products/:id', { id: 2 }],
    ['GET /products/:id', { id: 4 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'oversold stock',
      first: ['POST /orders', { customerId: 1, productId: 1, quantity: 1 }],
      second: ['POST /orders', { customerId: 2, productId: 1, quantity: 1 }],
    },
    {
      label: 'safe',
      kind: 'conditional update of the stock',
      first: ['POST /express-orders', { customerId: 1, productId: 1, quantity: 1 }],
      second: ['POST /express-orders', { customerId: 2, productId: 1, quantity: 1 }],
    },
    {
      label: 'clash',
      kind: 'restocked twice',
      first: ['POST /orders/:id/cancel', { id: 1, customerId: 1 }],
      second: ['POST /orders/:id/cancel', { id: 1, customerId: 1 }],
    },
    {
      label: 'clash',
      kind: 'lost update of a counter',
      first: ['POST /coupons/redeem', { code: 'SPRING' }],
      second: ['POST /coupons/redeem', { code: 'SPRING' }],
    },
    {
      label: 'clash',
      kind: 'patch that writes back what it read',
      first: ['PATCH /products/:id', { id: 2, description: 'A1' }],
      second: ['PATCH /products/:id', { id: 2, priceCents: 1200 }],
    },
    {
      label: 'safe',
      kind: 'overwriting after a check of existence',
      first: ['PUT /products/:id', { id: 2, name: 'Poster', description: 'A1', priceCents: 1500 }],
      second: ['PUT /products/:id', { id: 2, name: 'Print', description: 'A2', priceCents: 1200 }],
    },
    {
      label: 'safe',
      kind: 'view counter',
      first: ['GET /products/:id', { id: 1 }],
      second: ['GET /products/:id', { id: 1 }],
    },
  ],
})

export const cases: ClashCase[] = [webshop]
