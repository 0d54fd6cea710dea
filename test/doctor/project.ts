import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export interface SmallProject {
  folder: string
  write: (files: Record<string, string>) => Promise<void>
  [Symbol.asyncDispose]: () => Promise<void>
}

/** A project in a folder of its own, with no node_modules. */
export async function makeProject(files: Record<string, string>): Promise<SmallProject> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-doctor-'))
  const write = async (all: Record<string, string>) => {
    for (const [name, text] of Object.entries(all)) {
      await mkdir(dirname(join(folder, name)), { recursive: true })
      await writeFile(join(folder, name), text)
    }
  }
  await write(files)
  return { folder, write, [Symbol.asyncDispose]: async () => await rm(folder, { recursive: true, force: true }) }
}

/** One route that blocks. */
export const blockingApp = `import { Hono } from 'hono'
import { readFileSync } from 'node:fs'

const app = new Hono()
app.get('/bad', (c) => c.text(read('a')))

function read(name: string): string {
  return readFileSync(name, 'utf8')
}
`
