import { execFile } from 'node:child_process'
import { pbkdf2Sync, randomBytes, scryptSync } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompressSync, gunzipSync, gzipSync } from 'node:zlib'
import type { Work } from './kinds.js'

/** What a planted block works on, and how long it took. */
export interface Input {
  ms: number
  size?: number
  seconds?: string
  text?: string
  document?: unknown
  rows?: readonly Record_[]
  buffer?: Buffer
  /** A pipe: whoever asks for the block holds its other end. */
  file?: string
  cells: Int32Array
  begin: () => void
  end: () => void
  /** Between the two. @unit ms */
  tookMs: number
}

interface Record_ {
  id: number
  name: string
  cents: number
  tags: readonly string[]
}

/** Work whose length depends on an amount: what is done with that much, and how its time grows. */
interface Sized {
  make: (size: number) => Partial<Input>
  run: (made: Partial<Input>) => unknown
  /** Where the measuring begins. */
  probe: number
  /** Time grows with this power of the amount. Default: 1. */
  power?: number
}

/* oxlint-disable node/no-sync -- blocking is what it is for */
const sized: Partial<Record<Work, Sized>> = {
  parse: {
    make: (size) => ({ text: JSON.stringify(makeRecords(size)) }),
    run: ({ text }) => JSON.parse(text as string) as unknown,
    probe: 20_000,
  },
  stringify: {
    make: (size) => ({ document: makeRecords(size) }),
    run: ({ document }) => JSON.stringify(document),
    probe: 20_000,
  },
  clone: {
    make: (size) => ({ document: makeRecords(size) }),
    run: ({ document }) => structuredClone(document),
    probe: 10_000,
  },
  spaces: {
    make: (size) => ({ text: `name${' '.repeat(size)}end` }),
    run: ({ text }) => /\s+$/.test(text as string),
    probe: 8_000,
    power: 2,
  },
  pbkdf2: {
    make: (size) => ({ size }),
    run: ({ size }) => pbkdf2Sync('correct horse', 'salt', size as number, 64, 'sha512'),
    probe: 50_000,
  },
  scrypt: {
    make: (size) => ({ size }),
    run: ({ size }) => scryptSync('correct horse', 'salt', 64, { N: 1_024, p: size as number }),
    probe: 10,
  },
  gzip: { make: (size) => ({ buffer: makeBytes(size) }), run: ({ buffer }) => gzipSync(buffer as Buffer), probe: 1e6 },
  brotli: {
    make: (size) => ({ buffer: makeBytes(size) }),
    run: ({ buffer }) => brotliCompressSync(buffer as Buffer, { params: { 1: 5 } }),
    probe: 1e6,
  },
  gunzip: {
    make: (size) => ({ buffer: gzipSync(makeBytes(size), { level: 1 }) }),
    run: ({ buffer }) => gunzipSync(buffer as Buffer),
    probe: 4e6,
  },
}
/* oxlint-enable node/no-sync */

const MEASURED_MS = 40
const rows = makeRecords(500)

/** Makes inputs whose blocks take about as long as they are asked to; what that needs is measured at first. */
export class InputMaker {
  readonly #folder: string
  readonly #speeds = new Map<Work, { size: number; ms: number }>()
  #pipes = 0

  constructor(folder: string) {
    this.#folder = folder
  }

  /** `scale`: of what was measured, where a block then turned out longer or shorter. */
  async make(work: Work, ms: number, scale = 1): Promise<Input> {
    const input: Input = {
      ms,
      cells: new Int32Array(new SharedArrayBuffer(4)),
      tookMs: 0,
      begin() {
        this.tookMs = performance.now()
      },
      end() {
        this.tookMs = performance.now() - this.tookMs
      },
    }
    return Object.assign(input, await this.#makeRest(work, ms, scale))
  }

  async #makeRest(work: Work, ms: number, scale: number): Promise<Partial<Input>> {
    const { make, power = 1 } = sized[work] ?? {}
    if (make) {
      const speed = this.#measure(work)
      return make(Math.max(1, Math.round(speed.size * (scale * (ms / speed.ms)) ** (1 / power))))
    }
    const seconds = (ms / 1_000).toFixed(3)
    if (work === 'rows') return { rows }
    if (work === 'sleep') return { seconds }
    return work === 'pipe-in' || work === 'pipe-out' ? await this.#makePipe() : {}
  }

  async #makePipe(): Promise<Partial<Input>> {
    const file = join(this.#folder, `pipe-${this.#pipes++}`)
    await promisify(execFile)('mkfifo', [file])
    return { file }
  }

  /** Before anybody is served: measuring blocks. */
  measureAll(): void {
    for (const work of Object.keys(sized) as Work[]) this.#measure(work)
  }

  #measure(work: Work): { size: number; ms: number } {
    const known = this.#speeds.get(work)
    if (known) return known
    const { make, run, probe } = sized[work] as Sized
    for (let size = probe; ; size *= 2) {
      const made = make(size)
      const times = [1, 2, 3].map(() => {
        const began = performance.now()
        run(made)
        return performance.now() - began
      })
      const [, ms = 0] = times.sort((a, b) => a - b)
      if (ms < MEASURED_MS) continue
      this.#speeds.set(work, { size, ms })
      return { size, ms }
    }
  }
}

function makeRecords(size: number): Record_[] {
  return Array.from({ length: size }, (_, id) => ({
    id,
    name: `guest ${(id * 7_919) % size} of <row> ${id % 40}`,
    cents: (id * 31) % 9_973,
    tags: ['door', `gate ${id % 12}`],
  }))
}

/** Compresses to about a half. */
function makeBytes(size: number): Buffer {
  return Buffer.from(randomBytes(Math.ceil(size / 2)).toString('hex'))
}
