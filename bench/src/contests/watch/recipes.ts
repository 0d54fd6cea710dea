/** A way in which a statement becomes slow, although nobody changed it. */
export interface Recipe {
  name: string
  /** Run once, before. */
  setup: string
  /** What happens while the statement goes on running. */
  change: string
  text: string
  values: (n: number) => unknown[]
  /** The change is told to the session of the application itself. */
  isOfSession?: boolean
  /** Prepared under this name. */
  prepared?: string
  /** Other values at first: what the plan is made for. */
  firstValues?: (n: number) => unknown[]
  /** Only for these executions the plan changes. Default: all. */
  isChanged?: (n: number) => boolean
  /** Executions before the change, and at most so many after it. */
  before: number
  after: number
}

/** Hot and cold: one account in twelve executions, hundreds of others. */
const isHot = (n: number): boolean => n % 12 === 0
const hot = (n: number): unknown[] => [isHot(n) ? 1 : 2 + (n % 700)]
const cold = (n: number): unknown[] => [2 + ((n * 37) % 900)]

const accounts = (table: string, rows = 200_000, share = 12): string => `
  create table ${table} (id int, account int, code int, status text, email text, at timestamptz, raw text) with (autovacuum_enabled = off);
  insert into ${table} select n, case when n % ${share} = 0 then 1 else 2 + n % 1000 end, n, case when n % 50 = 0 then 'open' else 'done' end,
    'User' || n || '@example.com', now() - n * interval '1 second', repeat('x', 120) from generate_series(1, ${rows}) n;`

const usual = { before: 250, after: 400 }

export const recipes: readonly Recipe[] = [
  {
    name: 'an index is dropped',
    setup: `${accounts('r1')} create index r1_account on r1 (account); analyze r1`,
    change: 'drop index r1_account',
    text: 'select * from r1 where account = $1 order by at desc limit 20',
    values: hot,
    ...usual,
  },
  {
    name: 'an index is invalid after a build that failed',
    setup: `${accounts('r2')} create index r2_account on r2 (account); analyze r2`,
    change: `drop index r2_account; create index r2_account on r2 (account);
      update pg_index set indisvalid = false where indexrelid = 'r2_account'::regclass`,
    text: 'select count(*) from r2 where account = $1',
    values: cold,
    ...usual,
  },
  {
    name: 'a session goes over to a generic plan',
    setup: `${accounts('r3')} create index r3_account on r3 (account); analyze r3`,
    change: 'select 1',
    text: 'select count(raw) from r3 where $1::int is null or account = $1',
    prepared: 'r3',
    firstValues: () => [null],
    values: cold,
    before: 5,
    after: 400,
  },
  {
    name: 'an account grows until its index is not worth it',
    setup: `${accounts('r4', 120_000, 300)} create index r4_account on r4 (account); analyze r4`,
    change: `insert into r4 select n, 1, n, 'done', 'x', now(), repeat('x', 120) from generate_series(1, 160000) n; analyze r4`,
    text: 'select id, raw from r4 where account = $1 order by at desc limit 20',
    values: hot,
    isChanged: isHot,
    ...usual,
  },
  {
    name: 'statistics were made at a moment when nothing was open',
    setup: `${accounts('r5', 60_000)} create index r5_status on r5 (status); analyze r5`,
    change: `update r5 set status = 'done'; analyze r5; update r5 set status = 'open' where id % 50 = 0`,
    text: 'select count(*) from r5 a join r5 b on a.id / 30 = b.id / 30 where a.status = $1 and b.status = $1',
    values: () => ['open'],
    ...usual,
  },
  {
    name: 'a view casts the column',
    setup: `${accounts('r6')} create index r6_code on r6 (code); analyze r6; create view r6_v as select id, code, status from r6`,
    change: `drop view r6_v; create view r6_v as select id, code::numeric as code, status from r6`,
    text: 'select * from r6_v where code = $1',
    values: (n) => [(n * 91) % 200_000],
    ...usual,
  },
  {
    name: 'the index that gave the order is dropped, and another one remains',
    setup: `${accounts('r7')} create index r7_account on r7 (account); create index r7_account_at on r7 (account, at desc); analyze r7`,
    change: 'drop index r7_account_at',
    text: 'select * from r7 where account = $1 order by at desc limit 20',
    values: hot,
    ...usual,
  },
  {
    name: 'a partition comes without its index',
    setup: `create table r8 (id int, account int, day int, raw text) partition by range (day);
      create table r8_1 partition of r8 for values from (0) to (10); create table r8_2 partition of r8 for values from (10) to (20);
      insert into r8 select n, n % 1000, n % 20, repeat('x', 100) from generate_series(1, 100000) n;
      create index r8_1_account on r8_1 (account); create index r8_2_account on r8_2 (account); analyze r8`,
    change: `create table r8_late (like r8); insert into r8_late select n, n % 1000, 20 + n % 10, repeat('x', 100) from generate_series(1, 150000) n;
      alter table r8 attach partition r8_late for values from (20) to (30); analyze r8`,
    text: 'select count(*) from r8 where account = $1',
    values: (n) => [n % 1_000],
    ...usual,
  },
  {
    name: 'a table grows, and the plan stays',
    setup: `${accounts('r9', 20_000)} create index r9_account on r9 (account); analyze r9`,
    change: `insert into r9 select n, 2 + n % 5, n, 'done', 'x', now(), repeat('x', 120) from generate_series(1, 150000) n; analyze r9`,
    text: 'select sum(length(raw)) from r9 where account = $1',
    values: (n) => [2 + (n % 5)],
    before: 600,
    after: 900,
  },
  {
    name: 'a table is bloated by updates that nobody cleans up',
    setup: `${accounts('r10', 15_000)} analyze r10`,
    change: 'update r10 set code = code + 1;'.repeat(8),
    text: 'select count(*) from r10 where email = $1',
    values: (n) => [`User${n}@example.com`],
    before: 600,
    after: 900,
  },
  {
    name: 'a setting of the session says that indexes are dear',
    setup: `${accounts('r11')} create index r11_account on r11 (account); analyze r11`,
    change: 'set random_page_cost = 100000',
    isOfSession: true,
    text: 'select * from r11 where account = $1 order by at limit 10',
    values: cold,
    ...usual,
  },
  {
    name: 'what is looked for has moved to the end of the order',
    setup: `${accounts('r12', 300_000)} create unique index r12_id on r12 (id); analyze r12`,
    change: `update r12 set status = 'done' where status = 'open' and id < 295000`,
    text: 'select * from r12 where status = $1 order by id limit 10',
    values: () => ['open'],
    before: 600,
    after: 900,
  },
  {
    name: 'an index on an expression is dropped',
    setup: `${accounts('r13')} create index r13_email on r13 (lower(email)); analyze r13`,
    change: 'drop index r13_email',
    text: 'select id from r13 where lower(email) = $1',
    values: (n) => [`user${n}@example.com`],
    ...usual,
  },
  {
    name: 'an update no longer finds its row by an index',
    setup: `${accounts('r14')} create index r14_code on r14 (code); analyze r14`,
    change: 'drop index r14_code',
    text: 'update r14 set status = $2 where code = $1',
    values: (n) => [(n * 331) % 200_000, 'seen'],
    ...usual,
  },
  {
    name: 'the index of a foreign key is dropped',
    setup: `${accounts('r15', 2_000)} create table r15_items (row int, note text) with (autovacuum_enabled = off);
      insert into r15_items select n % 2000, repeat('y', 80) from generate_series(1, 200000) n; create index r15_items_row on r15_items (row);
      create index r15_account on r15 (account); analyze r15; analyze r15_items`,
    change: 'drop index r15_items_row',
    text: 'select r15.id, i.note from r15 join r15_items i on i.row = r15.id where r15.account = $1',
    values: cold,
    ...usual,
  },
  {
    name: 'a partial index is made for other rows',
    setup: `${accounts('r16')} create index r16_open on r16 (account) where status = 'open'; analyze r16`,
    change: `drop index r16_open; create index r16_open on r16 (account) where status = 'new'`,
    text: `select id from r16 where status = 'open' and account = $1`,
    values: cold,
    ...usual,
  },
]
