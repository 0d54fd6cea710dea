import type { ClashCase } from '../../corpus.js'
import { cases as meetups } from './knex-meetups.js'
import { cases as rooms } from './postgresjs-rooms.js'
import { cases as wallets } from './postgresjs-wallets.js'
import { cases as articles } from './typeorm-articles.js'
import { cases as teams } from './typeorm-teams.js'

export const idioms2Cases: ClashCase[] = [...meetups, ...articles, ...teams, ...rooms, ...wallets]
