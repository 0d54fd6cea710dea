// The clock of a program can be set: what the library reads of the time of day is then wrong by hours.

const RealDate = Date
let aheadMs = 0

class SetDate extends RealDate {
  constructor(...parts: [] | [number | string | Date]) {
    if (parts.length === 0) super(SetDate.now())
    else super(...parts)
  }

  static override now(): number {
    return RealDate.now() + aheadMs
  }
}

/** What a program is told. */
export interface ClockMessage {
  aheadMs: number
}

export function isClockMessage(message: unknown): message is ClockMessage {
  return typeof message === 'object' && message !== null && 'aheadMs' in message
}

export function setClock(message: ClockMessage): void {
  aheadMs = message.aheadMs
  globalThis.Date = SetDate as DateConstructor
}
