import postgres from 'postgres'
import { postgresJsCase, type Answer, type ClashCase } from '../../corpus.js'

const newsletter = postgresJsCase({
  name: 'newsletter',
  schema: `
    create table lists (id int primary key, name text not null);
    create table subscribers (
      id int generated always as identity primary key,
      list_id int not null references lists,
      email text not null,
      status text not null default 'active',
      unique (list_id, email)
    );
    create table issues (id int primary key, list_id int not null references lists, subject text not null, status text not null default 'draft');
    create table deliveries (id bigserial primary key, issue_id int not null references issues, email text not null);
  `,
  seed: `
    insert into lists values (51, 'weekly'), (52, 'alerts');
    insert into subscribers (list_id, email, status) values
      (51, 'reader1@mail.test', 'active'), (51, 'reader2@mail.test', 'active'), (51, 'reader3@mail.test', 'unsubscribed'), (52, 'reader1@mail.test', 'active');
    insert into issues values (701, 51, 'spring', 'draft'), (702, 52, 'outage', 'draft'), (703, 51, 'winter', 'sent');
  `,
  routes: {
    'POST /lists/:list/subscribers': async (sql, input) => {
      const list = Number(input.list)
      const email = String(input.email).trim()
      const [known] = await sql`
        select id from subscribers where list_id = ${list} and lower(email) = ${email.toLowerCase()}`
      if (known) return { status: 409 }
      await sql`insert into subscribers ${sql({ list_id: list, email })}`
      return { status: 201 }
    },
    'PUT /lists/:list/subscribers': async (sql, input) => {
      const email = String(input.email).trim().toLowerCase()
      await sql`
        insert into subscribers (list_id, email) values (${Number(input.list)}, ${email})
        on conflict (list_id, email) do update set status = 'active'`
      return { status: 200 }
    },
    'POST /lists/:list/unsubscribe': async (sql, input) => {
      const email = String(input.email).toLowerCase()
      const [subscriber] = await sql<{ id: number }[]>`
        select id from subscribers where list_id = ${Number(input.list)} and lower(email) = ${email}`
      if (!subscriber) return { status: 404 }
      await sql`update subscribers set status = 'unsubscribed' where id = ${subscriber.id}`
      return { status: 200 }
    },
    'POST /issues/:issue/send': async (sql, input) =>
      await sql.begin(async (tx) => {
        const [issue] = await tx<{ list_id: number }[]>`
          update issues set status = 'sent' where id = ${Number(input.issue)} and status = 'draft' returning list_id`
        if (!issue) return { status: 409 }
        const sent = await tx`
          insert into deliveries (issue_id, email)
          select ${Number(input.issue)}, email from subscribers where list_id = ${issue.list_id} and status = 'active'`
        return { status: 202, body: { sent: sent.count } }
      }),
  },
  traffic: [
    ['POST /lists/:list/subscribers', { list: 51, email: 'new1@mail.test' }],
    ['POST /lists/:list/subscribers', { list: 51, email: 'READER2@mail.test' }],
    ['PUT /lists/:list/subscribers', { list: 51, email: 'reader3@mail.test' }],
    ['PUT /lists/:list/subscribers', { list: 52, email: 'new2@mail.test' }],
    ['POST /lists/:list/unsubscribe', { list: 51, email: 'reader1@mail.test' }],
    ['POST /lists/:list/unsubscribe', { list: 51, email: 'nobody@mail.test' }],
    ['POST /issues/:issue/send', { issue: 702 }],
    ['POST /issues/:issue/send', { issue: 702 }],
    ['POST /issues/:issue/send', { issue: 703 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'the unique index does not fold the case, the check does',
      first: ['POST /lists/:list/subscribers', { list: 51, email: 'Reader9@mail.test' }],
      second: ['POST /lists/:list/subscribers', { list: 51, email: 'reader9@mail.test' }],
    },
    {
      // The one that comes too late gets a 500 and has changed nothing.
      label: 'safe',
      kind: 'unique index, the error is not handled',
      first: ['POST /lists/:list/subscribers', { list: 52, email: 'reader8@mail.test' }],
      second: ['POST /lists/:list/subscribers', { list: 52, email: 'reader8@mail.test' }],
    },
    {
      label: 'safe',
      kind: 'upsert',
      first: ['PUT /lists/:list/subscribers', { list: 52, email: 'reader7@mail.test' }],
      second: ['PUT /lists/:list/subscribers', { list: 52, email: 'reader7@mail.test' }],
    },
    {
      label: 'safe',
      kind: 'state changed by a condition, then the work',
      first: ['POST /issues/:issue/send', { issue: 701 }],
      second: ['POST /issues/:issue/send', { issue: 701 }],
    },
    {
      label: 'safe',
      kind: 'one statement reads what the other changes',
      first: ['POST /issues/:issue/send', { issue: 701 }],
      second: ['POST /lists/:list/unsubscribe', { list: 51, email: 'reader2@mail.test' }],
    },
  ],
})

interface Code {
  code: string
  owner: number
  uses: number
  max_uses: number
}

class Refused extends Error {}

async function answer(work: () => Promise<Answer>): Promise<Answer> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Refused) return { status: 409, body: { error: error.message } }
    throw error
  }
}

async function retrySerializable(
  sql: postgres.Sql,
  work: (tx: postgres.TransactionSql) => Promise<Answer>,
): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await sql.begin<Answer>('isolation level serializable', work)
    } catch (error) {
      if (attempt === 5 || !(error instanceof postgres.PostgresError) || error.code !== '40001') throw error
    }
  }
}

const referrals = postgresJsCase({
  name: 'referral-codes',
  schema: `
    create table accounts (id int primary key, credit int not null default 0);
    create table codes (code text primary key, owner int not null references accounts, uses int not null default 0, max_uses int not null);
    create table redemptions (
      code text not null references codes,
      account_id int not null references accounts,
      primary key (code, account_id)
    );
    create table referrals (id int primary key, referrer int not null references accounts, status text not null default 'pending');
  `,
  seed: `
    insert into accounts values (1001, 500), (1002, 0), (1003, 0), (1004, 250), (1005, 900);
    insert into codes values ('BRING-A-FRIEND', 1001, 4, 5), ('SPRING-31', 1004, 0, 100), ('USED-UP', 1005, 3, 3);
    insert into referrals values (81, 1001, 'pending'), (82, 1004, 'pending'), (83, 1005, 'paid');
  `,
  routes: {
    'POST /codes/:code/redeem': async (sql, input) =>
      await sql.begin(async (tx) => {
        const [code] = await tx<Code[]>`select * from codes where code = ${String(input.code)}`
        if (!code) return { status: 404 }
        if (code.uses >= code.max_uses) return { status: 409 }
        const account = Number(input.account)
        const added = await tx`
          insert into redemptions ${tx({ code: code.code, account_id: account })} on conflict do nothing`
        if (added.count === 0) return { status: 409 }
        await tx`update codes set uses = uses + 1 where code = ${code.code}`
        await tx`update accounts set credit = credit + 50 where id = ${account}`
        return { status: 200 }
      }),
    'POST /codes/:code/apply': async (sql, input) =>
      await answer(
        async () =>
          await sql.begin(async (tx) => {
            const code = String(input.code)
            const account = Number(input.account)
            const used = await tx`update codes set uses = uses + 1 where code = ${code} and uses < max_uses`
            if (used.count === 0) throw new Refused('the code is used up')
            const added = await tx`insert into redemptions ${tx({ code, account_id: account })} on conflict do nothing`
            if (added.count === 0) throw new Refused('only once for each account')
            await tx`update accounts set credit = credit + 50 where id = ${account}`
            return { status: 200 }
          }),
      ),
    'POST /referrals/:referral/reward': async (sql, input) => {
      const id = Number(input.referral)
      // The lock is gone with this transaction.
      const referral = await sql.begin(async (tx) => {
        const [found] = await tx<{ referrer: number; status: string }[]>`
          select referrer, status from referrals where id = ${id} for update`
        return found
      })
      if (!referral) return { status: 404 }
      if (referral.status !== 'pending') return { status: 409 }
      await sql.begin(async (tx) => {
        await tx`update referrals set status = 'paid' where id = ${id}`
        await tx`update accounts set credit = credit + ${Number(input.credit)} where id = ${referral.referrer}`
      })
      return { status: 200 }
    },
    'POST /accounts/:account/spend': async (sql, input) =>
      await retrySerializable(sql, async (tx) => {
        const id = Number(input.account)
        const [account] = await tx<{ credit: number }[]>`select credit from accounts where id = ${id}`
        if (!account) return { status: 404 }
        const left = account.credit - Number(input.credit)
        if (left < 0) return { status: 402 }
        await tx`update accounts set credit = ${left} where id = ${id}`
        return { status: 200, body: { left } }
      }),
  },
  traffic: [
    ['POST /codes/:code/redeem', { code: 'SPRING-31', account: 1002 }],
    ['POST /codes/:code/redeem', { code: 'SPRING-31', account: 1002 }],
    ['POST /codes/:code/redeem', { code: 'USED-UP', account: 1003 }],
    ['POST /codes/:code/redeem', { code: 'NO-SUCH', account: 1003 }],
    ['POST /codes/:code/apply', { code: 'SPRING-31', account: 1003 }],
    ['POST /codes/:code/apply', { code: 'SPRING-31', account: 1003 }],
    ['POST /codes/:code/apply', { code: 'USED-UP', account: 1004 }],
    ['POST /referrals/:referral/reward', { referral: 82, credit: 75 }],
    ['POST /referrals/:referral/reward', { referral: 83, credit: 75 }],
    ['POST /accounts/:account/spend', { account: 1005, credit: 125 }],
    ['POST /accounts/:account/spend', { account: 1003, credit: 5000 }],
  ],
  pairs: [
    {
      label: 'clash',
      kind: 'limit checked by an earlier read, relative update',
      first: ['POST /codes/:code/redeem', { code: 'BRING-A-FRIEND', account: 1002 }],
      second: ['POST /codes/:code/redeem', { code: 'BRING-A-FRIEND', account: 1003 }],
    },
    {
      label: 'safe',
      kind: 'unique index stops the second one before the counter',
      first: ['POST /codes/:code/redeem', { code: 'SPRING-31', account: 1005 }],
      second: ['POST /codes/:code/redeem', { code: 'SPRING-31', account: 1005 }],
    },
    {
      label: 'safe',
      kind: 'conditional counter first',
      first: ['POST /codes/:code/apply', { code: 'BRING-A-FRIEND', account: 1002 }],
      second: ['POST /codes/:code/apply', { code: 'BRING-A-FRIEND', account: 1003 }],
    },
    {
      label: 'clash',
      kind: 'lock in another transaction',
      first: ['POST /referrals/:referral/reward', { referral: 81, credit: 75 }],
      second: ['POST /referrals/:referral/reward', { referral: 81, credit: 75 }],
    },
    {
      label: 'safe',
      kind: 'serializable with retry',
      first: ['POST /accounts/:account/spend', { account: 1001, credit: 320 }],
      second: ['POST /accounts/:account/spend', { account: 1001, credit: 410 }],
    },
  ],
})

export const cases: ClashCase[] = [newsletter, referrals]
