import { postgresJsCase, type ClashCase } from '../../corpus.js'

interface Wallet {
  id: number
  owner: string
  balance: number
}

const wallets = postgresJsCase({
  name: 'idioms2/wallets',
  schema: `
    create table wallets (id serial primary key, owner text not null, balance int not null, last_login_at timestamptz);
    create table transfers (
      id serial primary key, from_id int not null references wallets (id), to_id int not null references wallets (id),
      amount int not null, created_at timestamptz not null default now()
    );
    create table withdrawals (id serial primary key, wallet_id int not null references wallets (id), amount int not null);
    create table check_ins (wallet_id int not null references wallets (id), day date not null, primary key (wallet_id, day));
    create table gift_codes (code text primary key, amount int not null, redeemed_by int references wallets (id));
    create table lots (id serial primary key, title text not null, price int not null);
    create table bids (
      id serial primary key, lot_id int not null references lots (id), wallet_id int not null references wallets (id), amount int not null
    );
    create table activities (id serial primary key, wallet_id int not null references wallets (id), what text not null);
    create table shops (id serial primary key, name text not null, rating numeric(4, 2), rating_count int not null default 0);
    create table reviews (
      id serial primary key, shop_id int not null references shops (id), wallet_id int not null references wallets (id),
      stars int not null, unique (shop_id, wallet_id)
    );

    create function place_bid(of_lot int, by_wallet int, bid int) returns boolean language plpgsql as $$
    declare
      highest int;
    begin
      select price into highest from lots where id = of_lot;
      if highest is null or bid <= highest then
        return false;
      end if;
      insert into bids (lot_id, wallet_id, amount) values (of_lot, by_wallet, bid);
      update lots set price = bid where id = of_lot;
      return true;
    end
    $$;
  `,
  seed: `
    insert into wallets (owner, balance) values ('a', 100), ('b', 100), ('c', 0), ('d', 1000), ('e', 1000);
    insert into check_ins (wallet_id, day) values (5, '2030-01-01');
    insert into gift_codes (code, amount, redeemed_by) values ('SPRING', 25, null), ('SUMMER', 50, null), ('OLD', 10, 5);
    insert into lots (title, price) values ('Lamp', 100), ('Chair', 40);
    insert into shops (name, rating, rating_count) values ('Bakery', 4, 1), ('Florist', null, 0);
    insert into reviews (shop_id, wallet_id, stars) values (1, 5, 4);
  `,
  routes: {
    'POST /transfers': async (sql, input) => {
      const [fromId, toId, amount] = [Number(input['from']), Number(input['to']), Number(input['amount'])]
      return await sql.begin(async (tx) => {
        const [from] = await tx<Wallet[]>`select * from wallets where id = ${fromId}`
        if (!from) return { status: 404 }
        if (from.balance < amount) return { status: 422, body: { error: 'Not enough money.' } }
        await tx`update wallets set balance = balance - ${amount} where id = ${fromId}`
        await tx`update wallets set balance = balance + ${amount} where id = ${toId}`
        await tx`insert into transfers ${tx({ from_id: fromId, to_id: toId, amount })}`
        return { status: 201 }
      })
    },

    'POST /payments': async (sql, input) => {
      const [fromId, toId, amount] = [Number(input['from']), Number(input['to']), Number(input['amount'])]
      return await sql.begin(async (tx) => {
        const both = await tx<Wallet[]>`
          select * from wallets where id in ${tx([fromId, toId])} order by id for update
        `
        const from = both.find((wallet) => wallet.id === fromId)
        const to = both.find((wallet) => wallet.id === toId)
        if (!from || !to) return { status: 404 }
        if (from.balance < amount) return { status: 422 }
        await tx`update wallets set balance = ${from.balance - amount} where id = ${fromId}`
        await tx`update wallets set balance = ${to.balance + amount} where id = ${toId}`
        await tx`insert into transfers ${tx({ from_id: fromId, to_id: toId, amount })}`
        return { status: 201 }
      })
    },

    'POST /withdrawals': async (sql, input) => {
      const [walletId, amount] = [Number(input['walletId']), Number(input['amount'])]
      const [wallet] = await sql<Wallet[]>`select * from wallets where id = ${walletId} for update`
      if (!wallet) return { status: 404 }
      if (wallet.balance < amount) return { status: 422 }
      await sql.begin(async (tx) => {
        await tx`update wallets set balance = balance - ${amount} where id = ${walletId}`
        await tx`insert into withdrawals (wallet_id, amount) values (${walletId}, ${amount})`
      })
      return { status: 201 }
    },

    'POST /check-ins': async (sql, input) => {
      const [walletId, day] = [Number(input['walletId']), String(input['day'])]
      return await sql.begin(async (tx) => {
        const done = await tx`
          insert into check_ins (wallet_id, day) values (${walletId}, ${day}) on conflict do nothing
        `
        if (done.count === 0) return { status: 200, body: { bonus: 0 } }
        await tx`update wallets set balance = balance + 10 where id = ${walletId}`
        return { status: 201, body: { bonus: 10 } }
      })
    },

    'POST /gift-codes/redeem': async (sql, input) => {
      const [walletId, code] = [Number(input['walletId']), String(input['code'])]
      const [known] = await sql`select code, redeemed_by from gift_codes where code = ${code}`
      if (!known) return { status: 404 }
      return await sql.begin(async (tx) => {
        const [gift] = await tx<{ amount: number }[]>`
          update gift_codes set redeemed_by = ${walletId} where code = ${code} and redeemed_by is null returning amount
        `
        if (!gift) return { status: 410 }
        await tx`update wallets set balance = balance + ${gift.amount} where id = ${walletId}`
        return { status: 200, body: gift }
      })
    },

    'POST /lots/:id/bids': async (sql, input) => {
      const [lotId, walletId, amount] = [Number(input['id']), Number(input['walletId']), Number(input['amount'])]
      return await sql.begin(async (tx) => {
        const [row] = await tx`select place_bid(${lotId}, ${walletId}, ${amount}) as placed`
        if (!row?.['placed']) return { status: 409 }
        await tx`insert into activities (wallet_id, what) values (${walletId}, 'bid')`
        return { status: 201 }
      })
    },

    'POST /shops/:id/reviews': async (sql, input) => {
      const [shopId, walletId, stars] = [Number(input['id']), Number(input['walletId']), Number(input['stars'])]
      const [shop] = await sql`select id from shops where id = ${shopId}`
      if (!shop) return { status: 404 }
      return await sql.begin(async (tx) => {
        const [review] = await tx`
          insert into reviews ${tx({ shop_id: shopId, wallet_id: walletId, stars })}
          on conflict (shop_id, wallet_id) do update set stars = excluded.stars returning id
        `
        await tx`
          update shops set (rating, rating_count) = (select avg(stars), count(*) from reviews where shop_id = ${shopId})
          where id = ${shopId}
        `
        return { status: 201, body: review }
      })
    },

    'POST /login': async (sql, input) => {
      const [wallet] = await sql<Wallet[]>`select * from wallets where owner = ${String(input['owner'])}`
      if (!wallet) return { status: 401 }
      await sql`update wallets set last_login_at = ${new Date()} where id = ${wallet.id}`
      return { status: 200, body: { id: wallet.id, balance: wallet.balance } }
    },
  },
  traffic: [
    ['POST /login', { owner: 'd' }],
    ['POST /transfers', { from: 4, to: 5, amount: 100 }],
    ['POST /transfers', { from: 3, to: 5, amount: 100 }],
    ['POST /payments', { from: 5, to: 4, amount: 50 }],
    ['POST /payments', { from: 3, to: 4, amount: 50 }],
    ['POST /withdrawals', { walletId: 4, amount: 20 }],
    ['POST /withdrawals', { walletId: 3, amount: 20 }],
    ['POST /check-ins', { walletId: 4, day: '2030-01-01' }],
    ['POST /check-ins', { walletId: 5, day: '2030-01-01' }],
    ['POST /gift-codes/redeem', { walletId: 4, code: 'SUMMER' }],
    ['POST /gift-codes/redeem', { walletId: 4, code: 'OLD' }],
    ['POST /lots/:id/bids', { id: 2, walletId: 4, amount: 45 }],
    ['POST /lots/:id/bids', { id: 2, walletId: 5, amount: 45 }],
    ['POST /shops/:id/reviews', { id: 2, walletId: 4, stars: 3 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'balance read without a lock: overdraft',
      first: ['POST /transfers', { from: 1, to: 3, amount: 80 }],
      second: ['POST /transfers', { from: 1, to: 2, amount: 60 }],
    },
    {
      label: 'safe',
      kind: 'rows locked in order before they are read',
      first: ['POST /payments', { from: 1, to: 2, amount: 80 }],
      second: ['POST /payments', { from: 2, to: 1, amount: 150 }],
    },
    {
      label: 'clash',
      kind: 'for update outside of the transaction',
      first: ['POST /withdrawals', { walletId: 1, amount: 70 }],
      second: ['POST /withdrawals', { walletId: 1, amount: 50 }],
    },
    {
      label: 'safe',
      kind: 'the bonus follows the row that was inserted',
      first: ['POST /check-ins', { walletId: 1, day: '2030-01-02' }],
      second: ['POST /check-ins', { walletId: 1, day: '2030-01-02' }],
    },
    {
      label: 'safe',
      kind: 'conditional update',
      first: ['POST /gift-codes/redeem', { walletId: 1, code: 'SPRING' }],
      second: ['POST /gift-codes/redeem', { walletId: 2, code: 'SPRING' }],
    },
    {
      label: 'clash',
      kind: 'check and write within a function',
      first: ['POST /lots/:id/bids', { id: 1, walletId: 4, amount: 150 }],
      second: ['POST /lots/:id/bids', { id: 1, walletId: 5, amount: 120 }],
      hidden: 'The read, the check and the writes are in the body of place_bid.',
    },
    {
      label: 'clash',
      kind: 'stale aggregate: the average misses the other review',
      first: ['POST /shops/:id/reviews', { id: 1, walletId: 1, stars: 1 }],
      second: ['POST /shops/:id/reviews', { id: 1, walletId: 2, stars: 5 }],
    },
    {
      label: 'safe',
      kind: 'last login',
      first: ['POST /login', { owner: 'a' }],
      second: ['POST /login', { owner: 'a' }],
    },
  ],
})

export const cases: ClashCase[] = [wallets]
