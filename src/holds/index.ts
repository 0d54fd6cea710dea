/** @module So many of something, or units with names, for a while; then confirmed, or back. Never oversold, never sold twice. */

export { createHolds } from './create-holds.js'
export { defineStock, defineUnits } from './define.js'
export { holdsErrors } from './errors.js'
export {
  confirmOptionTable,
  extendOptionTable,
  holdOptionTable,
  holdsOptionTable,
  releaseOptionTable,
} from './options.js'
export type {
  ConfirmedHold,
  ConfirmOptions,
  ExtendedHold,
  ExtendOptions,
  HeldThing,
  Hold,
  HoldOptions,
  Holds,
  HoldsOptions,
  ReleaseOptions,
  Stock,
  StockTable,
  Totals,
  Units,
  UnitsTable,
} from './types.js'
