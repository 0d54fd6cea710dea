import { meetClient, meetPool, meetPostgres, meetPostgresQuery } from './drivers.js'
import { meetExpress, meetHonoRouter, meetKoa } from './frameworks.js'
import type { Meetings } from './modules.js'
import type { Recorder } from './recorder.js'
import { honoRouters } from './rewrite.js'

/** Which file tells of which driver or framework, and what is done when it has been loaded. */
export function createMeetings(recorder: Recorder): Meetings {
  return new Map<string, (exports: never) => unknown>([
    ['pg/lib/client.js', (exports) => meetClient(exports, recorder)],
    ['pg-pool/index.js', (exports) => meetPool(exports, recorder)],
    ['postgres/src/index.js', (exports) => meetPostgres(exports, recorder)],
    ['postgres/cjs/src/index.js', (exports) => meetPostgres({ Postgres: exports }, recorder)],
    ['postgres/cjs/src/query.js', (exports) => meetPostgresQuery(exports, recorder)],
    ['express/lib/application.js', meetExpress],
    ['koa/lib/application.js', meetKoa],
    ...[...honoRouters].map(([tail, name]) => [tail, (exports: never) => meetHonoRouter(exports[name])] as const),
  ])
}
