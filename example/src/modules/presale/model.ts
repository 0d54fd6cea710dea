import { z } from 'zod'
import { BoxError } from '../../utils/errors.js'
import { idSchema } from '../../utils/validate.js'

/** `naive`: as it is often written. `guarded`: the same, so that two at once cannot harm each other. */
export const presaleSettings = z.strictObject({ mode: z.enum(['off', 'naive', 'guarded']) })
export type PresaleMode = z.infer<typeof presaleSettings>['mode']

export const presaleParams = z.object({ eventId: idSchema })
export const seatParams = z.object({ eventId: idSchema, number: z.coerce.number().int().min(1).max(1_000) })

export const passOrder = z.strictObject({ customerId: idSchema, count: z.number().int().min(1).max(10) })
export const redemption = z.strictObject({ customerId: idSchema, code: z.string().min(1).max(40) })
export const seatWish = z.strictObject({ customerId: idSchema })

export type PassOrder = z.infer<typeof passOrder>
export type Redemption = z.infer<typeof redemption>

/** Enough that the rush does not sell out before its faults have been seen: requests are followed half a second in ten. */
export const passesPerEvent = 1_000
export const seatsPerEvent = 400
export const mostSeatsPerCustomer = 1

export interface PresaleView {
  mode: PresaleMode
  /** What is wrong by now: passes sold beyond what there was, codes used twice, customers with too many seats. */
  harm: { oversold: number; codesUsedTwice: number; customersOverLimit: number }
  /** What watch has found since it was turned on. */
  found: { sentence: string; prove: string }[]
}

export function presaleOff(): BoxError {
  return new BoxError({
    code: 'BOX_PRESALE_OFF',
    status: 409,
    message: 'There is no presale at the moment.',
    fix: 'Turn its dial: PUT /presale with {"mode":"naive"}.',
  })
}

export function passesGone(): BoxError {
  return new BoxError({
    code: 'BOX_PASSES_GONE',
    status: 409,
    message: 'Not so many passes are left.',
    fix: 'Ask for fewer.',
  })
}

export function codeUsed(): BoxError {
  return new BoxError({
    code: 'BOX_CODE_USED',
    status: 409,
    message: 'This code has been used.',
    fix: 'Use another code.',
  })
}

export function seatRefused(reason: string): BoxError {
  return new BoxError({
    code: 'BOX_SEAT_REFUSED',
    status: 409,
    message: reason,
    fix: 'Choose another seat, or give one back.',
  })
}
