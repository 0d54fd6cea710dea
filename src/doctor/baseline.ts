import { readFile, writeFile } from 'node:fs/promises'
import { doctorError } from './errors.js'
import type { SourceFinding } from './types.js'

interface BaselineFile {
  version: 1
  /** What each is about is for people; only the id is compared. */
  findings: { id: string; rule: string; file: string }[]
}

/** The ids of findings that were there before. @throws HF_DOCTOR_BASELINE */
export async function readBaseline(path: string): Promise<ReadonlySet<string>> {
  try {
    const { version, findings } = JSON.parse(await readFile(path, 'utf8')) as BaselineFile
    if (version !== 1) throw new Error('It is of another version.')
    return new Set(findings.map(({ id }) => id))
  } catch (cause) {
    throw doctorError('HF_DOCTOR_BASELINE', `The baseline "${path}" cannot be read.`, { cause })
  }
}

/** Keeps what is there today, so that only what is new counts. */
export async function writeBaseline(path: string, findings: readonly SourceFinding[]): Promise<void> {
  const list = findings.map(({ id, rule, file }) => ({ id, rule, file }))
  const document: BaselineFile = {
    version: 1,
    findings: list.sort((a, b) => compare(a.file, b.file) || compare(a.id, b.id)),
  }
  await writeFile(path, `${JSON.stringify(document, null, 2)}\n`)
}

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b))
