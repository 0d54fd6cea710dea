import type { Random } from '../utils/random.js'

// Parts from which names are combined. No real persons, acts or venues: any likeness is a draw of the generator.

const stones = ['Granite', 'Marble', 'Copper', 'Amber', 'Cedar', 'Harbour', 'Lantern', 'Orchard', 'Foundry', 'Meridian']
const houses = ['Hall', 'Theatre', 'Arena', 'Playhouse', 'Pavilion', 'Rooms', 'Opera', 'Works', 'Garden', 'Dome']

/** City, country, currency. */
export const cities: readonly (readonly [string, string, string])[] = [
  ['Lisbon', 'Portugal', 'EUR'],
  ['Porto', 'Portugal', 'EUR'],
  ['Ghent', 'Belgium', 'EUR'],
  ['Leipzig', 'Germany', 'EUR'],
  ['Graz', 'Austria', 'EUR'],
  ['Turin', 'Italy', 'EUR'],
  ['Bilbao', 'Spain', 'EUR'],
  ['Galway', 'Ireland', 'EUR'],
  ['Tampere', 'Finland', 'EUR'],
  ['Utrecht', 'Netherlands', 'EUR'],
  ['Lyon', 'France', 'EUR'],
  ['Malmö', 'Sweden', 'SEK'],
  ['Bergen', 'Norway', 'NOK'],
  ['Aarhus', 'Denmark', 'DKK'],
  ['Basel', 'Switzerland', 'CHF'],
  ['Leeds', 'United Kingdom', 'GBP'],
  ['Kraków', 'Poland', 'PLN'],
  ['Brno', 'Czechia', 'CZK'],
]

const moods = ['Velvet', 'Paper', 'Silent', 'Electric', 'Northern', 'Hollow', 'Golden', 'Restless', 'Blue', 'Wandering']
const beings = [
  'Owls',
  'Lighthouses',
  'Foxes',
  'Engines',
  'Gardens',
  'Tides',
  'Sparrows',
  'Satellites',
  'Rivers',
  'Bears',
]
const tours = ['', '', ': The Long Way Home', ': Unplugged', ': Second Encore', ': Winter Light', ': Ten Years On']

export const genres = ['jazz', 'rock', 'classical', 'comedy', 'theatre', 'folk', 'electronic', 'dance'] as const

export const givenNames = [
  'Ada',
  'Bo',
  'Cleo',
  'Dara',
  'Eli',
  'Fern',
  'Gil',
  'Hana',
  'Ivo',
  'Juno',
  'Kai',
  'Lena',
  'Milo',
]
export const familyNames = [
  'Ashdown',
  'Brook',
  'Carrow',
  'Dunmore',
  'Elling',
  'Farrow',
  'Grove',
  'Hale',
  'Ingram',
  'Juniper',
  'Kestrel',
]

export interface VenueSeed {
  name: string
  city: string
  country: string
  currency: string
  capacity: number
}

/** The n-th venue: names are paired by counting, so that no two are the same. */
export function nameVenue(random: Random, index: number): VenueSeed {
  const [city, country, currency] = cities[index % cities.length] as (typeof cities)[number]
  const stone = stones[index % stones.length] as string
  const house = houses[Math.floor(index / stones.length) % houses.length] as string
  return { name: `${stone} ${house}`, city, country, currency, capacity: random.integer(2, 40) * 50 }
}

/** A title such as `The Velvet Owls: Unplugged`. Acts come back, as they do in life. */
export function nameEvent(random: Random): string {
  return `The ${random.pick(moods)} ${random.pick(beings)}${random.pick(tours)}`
}
