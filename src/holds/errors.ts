import { defineErrors, type ErrorTable } from '../core/index.js'

export const holdsErrors = {
  HF_HOLDS_SOLD_OUT: {
    summary: 'Less is left than was asked for.',
    when: 'Nothing was taken, after all that had expired was taken back. Units that somebody else is just taking count as theirs once they have stayed locked for `waitMs`.',
    fix: 'Ask for what the message says is left, or again when holds of others have expired.',
    status: 409,
  },
  HF_HOLDS_TAKEN: {
    summary: 'Some of the named units are not free.',
    when: 'They are held or sold, or do not exist; `details.units` names them. None was taken.',
    fix: 'Read what is free again and choose others.',
    status: 409,
  },
  HF_HOLDS_UNKNOWN: {
    summary: 'There is no stock of that name, or no such resource in it.',
    when: 'createHolds() was not given the definition, or its table has no row for the resource.',
    fix: 'Pass the definition to createHolds(db, { from: [...] }), and add the resource: `holds.setTotal`, or a row of your table.',
    status: 404,
  },
  HF_HOLDS_GONE: {
    summary: 'A hold has expired, was released, or never was.',
    when: 'It was to be confirmed or extended. The clock of the database decides. Nothing was changed; a transaction around it can only roll back.',
    fix: 'Hold again; hold for longer than a buyer takes (`ttlMs`), or extend in time.',
    status: 410,
  },
  HF_HOLDS_NOT_YOURS: {
    summary: 'A hold belongs to another owner.',
    when: 'It was made with an `owner`, and confirm, extend or release was called with another one, or with none. Nothing was changed.',
    fix: 'Give the owner that the hold was made with.',
    status: 403,
  },
  HF_HOLDS_CONFIRMED: {
    summary: 'A hold has been confirmed, so it is not released.',
    when: 'A late release (a closed tab, a timer) met a hold that was paid for meanwhile. Nothing was changed.',
    fix: 'For a refund say so: `release(id, { confirmed: true })`.',
    status: 409,
  },
  HF_HOLDS_KEY_REUSED: {
    summary: 'A key came a second time for something else.',
    when: 'There is a hold of this resource under the key, and it is of another quantity or other units. Nothing was taken.',
    fix: 'Use a new key for each new intent.',
    status: 422,
  },
  HF_HOLDS_REQUEST: {
    summary: 'What is to be held makes no sense.',
    when: 'A quantity is not a whole number from 1 to 1 000 000, the list of units is empty or names one twice, a name is empty, longer than 500 characters or holds the character U+0000, or units are asked of a stock.',
    fix: 'Ask for `{ quantity }` of a stock, and for `{ units }` or `{ any }` of units.',
    status: 422,
  },
  HF_HOLDS_SOURCE: {
    summary: 'A table that holds are to be taken from cannot be used.',
    when: 'createHolds() was given a table or a column that does not exist, or a name that is known with another table.',
    fix: 'Correct the definition; a definition whose table moved needs a new name, or its row in holdfast.holds_sources changed.',
    exitCode: 2,
  },
} as const satisfies ErrorTable

export const holdsError = defineErrors(holdsErrors)
