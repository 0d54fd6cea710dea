import { z } from 'zod'
import { createRandom, type Random } from '../utils/random.js'

const share = z.number().min(0).max(1)

export const dialSettings = z.strictObject({
  /** Every charge, capture, void and refund takes this much longer. Default: 0 ms. */
  slowMs: z.number().int().min(0).max(60_000).default(0),
  /** Share of new charges that are declined. Default: 0. */
  failShare: share.default(0),
  /** Share of new charges, and of captures, that are made, but whose answer never comes. Default: 0. */
  timeoutAfterChargeShare: share.default(0),
  /** Takes charges without an Idempotency-Key, each of them anew, as many payment providers do. Default: false. */
  doubleChargeWithoutKey: z.boolean().default(false),
  /** The same seed gives the n-th new charge the same fate. Default: 1. */
  seed: z.number().int().min(0).max(0xffff_ffff).default(1),
})

export type DialSettings = z.infer<typeof dialSettings>

export interface Fate {
  isDeclined: boolean
  isAnswerLost: boolean
}

export interface Dials {
  readonly settings: DialSettings
  /** Replaces all settings and starts the sequence of fates again. */
  set(settings: DialSettings): void
  /** What befalls the next new charge. */
  drawFate(): Fate
  /** Whether the answer to the next new capture is lost. A sequence of its own: charges have the same fates with captures between them. */
  drawCaptureLoss(): boolean
}

/** The faults that this service can be told to show, all off at first. */
export function createDials(): Dials {
  let settings = dialSettings.parse({})
  let random: Random = createRandom(settings.seed)
  let captures: Random = createRandom(settings.seed)

  return {
    get settings() {
      return settings
    },
    set(next) {
      settings = next
      random = createRandom(next.seed)
      captures = createRandom(next.seed)
    },
    drawFate() {
      // Always two draws, so that turning one dial does not change what the other one does.
      const [decline, lose] = [random.next(), random.next()]
      return { isDeclined: decline < settings.failShare, isAnswerLost: lose < settings.timeoutAfterChargeShare }
    },
    drawCaptureLoss: () => captures.next() < settings.timeoutAfterChargeShare,
  }
}
