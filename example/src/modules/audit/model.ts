import { z } from 'zod'

export const auditSettings = z.strictObject({
  /** Every request writes a line to a file, and waits for the disk. */
  isOn: z.boolean(),
})

export interface AuditView {
  isOn: boolean
  /** What watch has found since it was turned on; null: nothing yet. */
  found: { place: string; routes: string[]; sentence: string } | null
}
