import type { Queryable } from 'holdfast'
import { qb, runOne } from '../../database/query-builder.js'
import type { Venue } from './model.js'

export function findVenue(on: Queryable, id: string): Promise<Venue | undefined> {
  return runOne(on, qb.selectFrom('venues').select(['id', 'name', 'city', 'country', 'capacity']).where('id', '=', id))
}
