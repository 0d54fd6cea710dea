/** Where a block is planted: the five of each kind are five ways to write it. */
export const placements = ['esm', 'cjs', 'dependency', 'continuation', 'middleware'] as const
export type Placement = (typeof placements)[number]

/** How what a block works on is made; see inputs.ts. */
export type Work =
  | 'time'
  | 'rows'
  | 'parse'
  | 'stringify'
  | 'clone'
  | 'spaces'
  | 'sleep'
  | 'pbkdf2'
  | 'scrypt'
  | 'gzip'
  | 'brotli'
  | 'gunzip'
  | 'pipe-in'
  | 'pipe-out'

export interface Form {
  /** What it uses of Node's, by module. */
  uses: Readonly<Record<string, string>>
  /** One line, and the block is on it. A `return` in front: nothing comes after it in its function. */
  line: string
  work: Work
}

const form = (work: Work, line: string, uses: Form['uses'] = {}): Form => ({ uses, line, work })

const exec = { 'node:child_process': 'execFileSync, execSync, spawnSync' }
const crypto = { 'node:crypto': 'createHash, pbkdf2Sync, scryptSync' }
const zlib = { 'node:zlib': 'brotliCompressSync, gunzipSync, gzipSync' }
const fs = { 'node:fs': 'appendFileSync, readFileSync, writeFileSync' }

/**
 * Ten kinds, each in one form for each placement. `input` is what it works on, `until` when a block of the CPU's is to be
 * over. About half of them are the last thing that their function does, as code is written.
 */
export const kinds: Readonly<Record<string, readonly [Form, Form, Form, Form, Form]>> = {
  compute: [
    form('time', 'for (let n = 0; performance.now() < until; n++) out = (out + Math.imul(n, 31)) % 65521'),
    form('time', 'while (performance.now() < until) out += Math.hypot(out % 7, 3)'),
    form('time', 'do out = Math.sqrt(out * out + 1); while (performance.now() < until)'),
    form('time', 'for (let n = 2; performance.now() < until; n++) if (2 ** n % n === 2) out = n'),
    form('rows', 'while (performance.now() < until) for (const row of input.rows) out += row.cents % 97'),
  ],
  json: [
    form('parse', 'out = JSON.parse(input.text)'),
    form('stringify', 'return JSON.stringify(input.document)'),
    form('parse', 'return JSON.parse(input.text)'),
    form('stringify', 'out = JSON.stringify(input.document)'),
    form('parse', 'out = JSON.parse(input.text)'),
  ],
  regex: [
    form('spaces', 'out = /\\s+$/.test(input.text)'),
    form('spaces', "return input.text.replace(/\\s+$/, '')"),
    form('spaces', 'out = input.text.search(/\\s+$/)'),
    form('spaces', 'return input.text.split(/\\s+$/)'),
    form('spaces', 'if (/\\s+$/.test(input.text)) out = 1'),
  ],
  exec: [
    form('sleep', "out = execFileSync('sleep', [input.seconds])", exec),
    form('sleep', 'return execSync(`sleep ${input.seconds}`)', exec),
    form('sleep', "out = spawnSync('sleep', [input.seconds]).status", exec),
    form('sleep', "out = execFileSync('sleep', [input.seconds])", exec),
    form('sleep', 'return execSync(`sleep ${input.seconds}`)', exec),
  ],
  password: [
    form('pbkdf2', "out = pbkdf2Sync('correct horse', 'salt', input.size, 64, 'sha512')", crypto),
    form('scrypt', "return scryptSync('correct horse', 'salt', 64, { N: 1024, p: input.size })", crypto),
    form('pbkdf2', "return pbkdf2Sync('correct horse', 'salt', input.size, 64, 'sha512')", crypto),
    form('scrypt', "out = scryptSync('correct horse', 'salt', 64, { N: 1024, p: input.size })", crypto),
    form('pbkdf2', "out = pbkdf2Sync('correct horse', 'salt', input.size, 64, 'sha512')", crypto),
  ],
  zlib: [
    form('gzip', 'out = gzipSync(input.buffer)', zlib),
    form('gunzip', 'return gunzipSync(input.buffer)', zlib),
    form('brotli', 'out = brotliCompressSync(input.buffer, { params: { 1: 5 } })', zlib),
    form('gzip', 'return gzipSync(input.buffer)', zlib),
    form('gunzip', 'out = gunzipSync(input.buffer).length', zlib),
  ],
  file: [
    form('pipe-in', 'out = readFileSync(input.file)', fs),
    form('pipe-out', "writeFileSync(input.file, 'entry')", fs),
    form('pipe-out', "appendFileSync(input.file, 'entry')", fs),
    form('pipe-in', "return readFileSync(input.file, 'utf8')", fs),
    form('pipe-out', "appendFileSync(input.file, 'entry')", fs),
  ],
  wait: [
    form('time', 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, input.ms)'),
    form('time', 'return Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, input.ms)'),
    form('time', "if (Atomics.wait(input.cells, 0, 0, input.ms) === 'timed-out') out = 1"),
    form('time', 'out = Atomics.wait(input.cells, 0, 0, input.ms)'),
    form('time', 'Atomics.wait(input.cells, 0, 0, input.ms)'),
  ],
  sort: [
    form(
      'rows',
      'while (performance.now() < until) out = [...input.rows].sort((a, b) => a.name.localeCompare(b.name))',
    ),
    form('clone', 'return structuredClone(input.document)'),
    form('rows', 'while (performance.now() < until) out = [...input.rows].sort((a, b) => a.cents - b.cents)'),
    form(
      'rows',
      'do out = Object.groupBy(input.rows, ({ name }) => name.slice(0, 3)); while (performance.now() < until)',
    ),
    form('clone', 'out = structuredClone(input.document)'),
  ],
  render: [
    form(
      'rows',
      'do out = input.rows.map(({ name }) => `<li>${name}</li>`).join("\\n"); while (performance.now() < until)',
    ),
    form(
      'rows',
      "while (performance.now() < until) for (const row of input.rows) out = createHash('sha256').update(row.name).digest('hex')",
      crypto,
    ),
    form(
      'rows',
      "do out = input.rows.reduce((html, { name }) => html + name.replaceAll('<', '&lt;'), ''); while (performance.now() < until)",
    ),
    form(
      'rows',
      "while (performance.now() < until) out = createHash('sha256').update(String(out)).digest('hex')",
      crypto,
    ),
    form(
      'rows',
      'while (performance.now() < until) for (const { name } of input.rows) out = `${name}: ${encodeURIComponent(name)}`',
    ),
  ],
}
