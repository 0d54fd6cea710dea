import { catalogue } from './0001-catalogue.js'
import { orders } from './0002-orders.js'
import { seed } from './0003-seed.js'
import { mails } from './0004-mails.js'
import { reports } from './0005-reports.js'
import { holds } from './0006-holds.js'
import { orderExports } from './0007-exports.js'
import { cancellations } from './0008-cancellations.js'
import { checkouts } from './0009-checkouts.js'
import { pastOrders } from './0010-past-orders.js'
import { presale } from './0011-presale.js'
import type { Migration } from './migration.js'

/** The box office's schema, oldest step first. */
export const migrations: readonly Migration[] = [
  catalogue,
  orders,
  seed,
  mails,
  reports,
  holds,
  orderExports,
  cancellations,
  checkouts,
  pastOrders,
  presale,
]
