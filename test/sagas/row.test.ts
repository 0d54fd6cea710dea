import { expect, test } from 'vitest'
import type { Loaded } from '../../src/sagas/records.js'
import { Row } from '../../src/sagas/row.js'

const loaded: Loaded = {
  id: 'a',
  kind: 1,
  fence: 1,
  state: 'running',
  is_undoing: false,
  is_pivoted: false,
  is_cancelled: false,
  crashes: 0,
  signals: 0,
  doing: [],
  input: undefined,
  error: null,
  ends_by: 0,
  steps: null,
  waiting: null,
}

// Regression: whoever sent the signal had the row locked, so the saga's way to rest came back unwritten; sent again, it
// said that the signal is known, and slept with it until its own deadline.
test('a rest that comes back unwritten does not go out again once there is something to do', () => {
  const row = new Row(loaded, true)
  row.leave('waiting', 'parked', 1)
  expect(row.takeWrite().leaves).toBe(true)
  row.stayAwake()
  expect(row.final?.how).toBe('parked')
  row.putBack()
  expect(row.final).toBeUndefined()
  expect(row.takeWrite().leaves).toBe(false)
})

test('an earlier write on its way does not keep it from staying awake', () => {
  const row = new Row(loaded, true)
  row.outbox.touch()
  row.takeWrite()
  row.leave('waiting', 'parked', 1)
  row.stayAwake()
  expect(row.final).toBeUndefined()
})
