import type { ClashCase } from '../../corpus.js'
import { cases as drizzleShop } from './drizzle-shop.js'
import { cases as drizzleSocial } from './drizzle-social.js'
import { cases as knexTeams } from './knex-teams.js'
import { cases as knexWallets } from './knex-wallets.js'
import { cases as kyselyBookings } from './kysely-bookings.js'
import { cases as kyselyMoney } from './kysely-money.js'
import { cases as pgAccounts } from './pg-accounts.js'
import { cases as pgCommerce } from './pg-commerce.js'
import { cases as pgSchedules } from './pg-schedules.js'
import { cases as postgresJs } from './postgres-js.js'
import { cases as typeormContent } from './typeorm-content.js'
import { cases as typeormTrade } from './typeorm-trade.js'

/** Ordinary code of ordinary web applications, the way people write it with each library. */
export const idiomsCases: ClashCase[] = [
  ...pgAccounts,
  ...pgCommerce,
  ...pgSchedules,
  ...postgresJs,
  ...drizzleShop,
  ...drizzleSocial,
  ...kyselyBookings,
  ...kyselyMoney,
  ...knexWallets,
  ...knexTeams,
  ...typeormContent,
  ...typeormTrade,
]
