import type { ClashCase } from '../../corpus.js'
import { cases as accounts } from './accounts.js'
import { cases as articles } from './articles.js'
import { cases as billing } from './billing.js'
import { cases as credits } from './credits.js'
import { cases as events } from './events.js'
import { cases as rooms } from './rooms.js'
import { cases as shop } from './shop.js'
import { cases as tasks } from './tasks.js'

export const idioms1Cases: ClashCase[] = [
  ...shop,
  ...accounts,
  ...articles,
  ...events,
  ...credits,
  ...tasks,
  ...rooms,
  ...billing,
]
