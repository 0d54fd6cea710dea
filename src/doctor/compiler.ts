import type TS from 'typescript-5'
import { doctorError } from './errors.js'

/** The compiler's own namespace. */
export type Compiler = typeof TS

/**
 * A compiler of our own, pinned, loaded when a scan runs (docs/decisions/0021): the user's may be of any version, and
 * TypeScript 7 has no such interface at all.
 * @throws HF_DOCTOR_COMPILER_MISSING
 */
export async function loadCompiler(): Promise<Compiler> {
  try {
    const loaded = (await import('typescript-5')) as { default: Compiler }
    return loaded.default
  } catch (cause) {
    throw doctorError('HF_DOCTOR_COMPILER_MISSING', 'The package typescript-5 could not be loaded.', { cause })
  }
}
