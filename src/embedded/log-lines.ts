import { open, stat } from 'node:fs/promises'

export async function measureLog(path: string): Promise<number> {
  const info = await stat(path).catch(() => undefined)
  return info?.size ?? 0
}

/** The last lines written since `offset` that say why a start failed. */
export async function readReasons(path: string, offset: number): Promise<string[]> {
  const lines = (await readFrom(path, offset)).split('\n').filter((line) => line.trim() !== '')
  // STATEMENT and CONTEXT lines carry SQL, which may hold a password or a payload, and never explain a failed start.
  const telling = lines.filter(
    (line) => /\b(FATAL|PANIC|ERROR|WARNING|HINT|DETAIL):/.test(line) || !/\b[A-Z]+: {2}/.test(line),
  )
  const chosen = telling.filter((line) => !/\b(STATEMENT|CONTEXT|QUERY):/.test(line))
  return (chosen.length > 0 ? chosen : lines.filter((line) => /\bLOG:/.test(line))).slice(-6)
}

async function readFrom(path: string, offset: number): Promise<string> {
  const file = await open(path, 'r').catch(() => undefined)
  if (!file) return ''
  try {
    const { size } = await file.stat()
    const begin = Math.max(offset, size - 65_536)
    const buffer = Buffer.alloc(Math.max(0, size - begin))
    await file.read(buffer, 0, buffer.length, begin)
    return buffer.toString('utf8')
  } finally {
    await file.close()
  }
}
