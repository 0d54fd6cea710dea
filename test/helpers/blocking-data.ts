import { runAdmin } from './database.js'

/** What watch has found to block, a moment ago: a call, a pool, a rejection. */
export async function fillBlocking(ownerUrl: string): Promise<void> {
  for (const [place, finding] of blockingFindings.entries()) {
    const { kind, severity, subject, route, sentence, evidence, fix, prove } = finding
    const values = [kind, subject, severity, route, sentence, JSON.stringify(evidence), fix, prove, place + 1]
    await runAdmin(
      ownerUrl,
      `insert into holdfast.watch_findings
         (kind, statement, subject, severity, route, sentence, evidence, fix, prove, seen, first_seen_at, last_seen_at)
       values ($1, 0, $2, $3, $4, $5, $6::jsonb, $7, $8, $9, now() - interval '4 minutes', now() - interval '20 seconds')`,
      values,
    )
  }
}

export const blockingFindings = [
  {
    kind: 'sync-call',
    severity: 'act',
    subject: 'src/auth/verify-password.ts:41',
    route: 'POST /login',
    sentence:
      'crypto.pbkdf2Sync ran 120 times inside of requests of 2 routes in 10,000 ms, for 3,700 ms (37 % of the event loop’s time; 61 ms at most): verifyPassword (src/auth/verify-password.ts:41).',
    evidence: {
      calls: 120,
      ms: 3_700,
      most_ms: 61,
      share: 0.37,
      routes: ['POST /login', 'POST /customers/:id/a-route-with-a-long-name/password-resets'],
      stack: ['verifyPassword (src/auth/verify-password.ts:41)', 'login (src/auth/routes.ts:12)'],
    },
    fix: 'Call `pbkdf2` and await it, inside `createLimiter` of holdfast/overload: Node has four threads for all of it.',
    prove: 'holdfast prove sync-over-async',
  },
  {
    kind: 'starved-pool',
    severity: 'act',
    subject: 'POST /pay',
    route: 'POST /pay',
    sentence:
      'POST /pay held connections for 98 % of the time that any were held: 512 ms a request, of which the database worked for 3 ms, while it called another service. GET /tickets waited for a connection for up to 1,900 ms.',
    evidence: {
      wait_ms: 40_000,
      most_wait_ms: 1_900,
      routes: [
        { route: 'POST /pay', requests: 90, held_ms: 46_000, sql_ms: 270, wait_ms: 21_000, outbound_ms: 45_000 },
        { route: 'GET /tickets', requests: 160, held_ms: 900, sql_ms: 800, wait_ms: 19_000, outbound_ms: 0 },
      ],
    },
    fix: 'Take the connection later and give it back sooner.',
    prove: 'holdfast prove pool-starvation',
  },
  {
    kind: 'outlived-request',
    severity: 'info',
    subject: 'GET /tickets',
    route: 'GET /tickets',
    sentence: 'A statement was still under way when its request had been answered: a process that ends then loses it.',
    evidence: { failed: false },
    fix: 'Await it before the answer, or make it a job of holdfast/jobs in the same transaction.',
    prove: 'holdfast scan src/',
  },
] as const
