import { BoxError } from '../../utils/errors.js'

export interface Venue {
  id: string
  name: string
  city: string
  country: string
  capacity: number
}

export function venueNotFound(id: string): BoxError {
  return new BoxError({
    code: 'BOX_VENUE_NOT_FOUND',
    status: 404,
    message: `There is no venue ${id}.`,
    fix: 'Take the id from an event in GET /events.',
  })
}
