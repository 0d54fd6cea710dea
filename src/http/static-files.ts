import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { httpError } from './errors.js'

const compress = promisify(gzip)

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  json: 'application/json; charset=utf-8',
}

/** `app-3F9A2C1B.js`: the name changes with the content, so it may be kept for ever. */
const hashedName = /[.-](?=[A-Z0-9]*\d)[A-Z0-9]{8,}\.\w+$/i

export interface StaticFile {
  readonly type: string
  readonly plain: Buffer
  readonly gzipped: Buffer
  readonly etag: string
  readonly isImmutable: boolean
}

export type StaticFiles = ReadonlyMap<string, StaticFile>

/** Reads the built dashboard once. Only names found in the folder are ever served, so no path can lead out of it. @throws HF_HTTP_DASHBOARD_MISSING */
export async function loadStaticFiles(dashboardDir: string | URL | undefined): Promise<StaticFiles> {
  for (const folder of listCandidates(dashboardDir)) {
    const names = await readdir(folder).catch((): string[] => [])
    if (!names.includes('index.html')) continue
    const files = names.filter((name) => fileType(name) !== undefined)
    return new Map(await Promise.all(files.map(async (name) => [name, await loadFile(join(folder, name))] as const)))
  }
  throw httpError('HF_HTTP_DASHBOARD_MISSING', 'No folder with the built dashboard was found.')
}

/** Answers with the compressed copy when the client takes it, and with 304 when it has the file. */
export function serveFile(file: StaticFile, request: Request): Response {
  const isGzip = acceptsGzip(request.headers.get('accept-encoding'))
  // Strong validators name bytes, and the two encodings are different bytes.
  const etag = isGzip ? `"${file.etag}-gz"` : `"${file.etag}"`
  const headers = new Headers({
    'content-type': file.type,
    'cache-control': file.isImmutable ? 'private, max-age=31536000, immutable' : 'no-cache',
    etag,
    vary: 'accept-encoding',
  })
  if (matchesTag(request.headers.get('if-none-match'), etag)) return new Response(null, { status: 304, headers })
  if (isGzip) headers.set('content-encoding', 'gzip')
  const bytes = isGzip ? file.gzipped : file.plain
  headers.set('content-length', String(bytes.length))
  return new Response(request.method === 'HEAD' ? null : new Uint8Array(bytes), { headers })
}

export async function makeStaticFile(name: string, plain: Buffer): Promise<StaticFile> {
  return {
    type: fileType(name) ?? 'application/octet-stream',
    plain,
    gzipped: await compress(plain, { level: 9 }),
    etag: createHash('sha256').update(plain).digest('base64url').slice(0, 27),
    isImmutable: hashedName.test(name),
  }
}

/** Built: dist/http → dist/dashboard. From sources: src/http → dist/dashboard. */
function listCandidates(dashboardDir: string | URL | undefined): string[] {
  if (dashboardDir instanceof URL) return [fileURLToPath(dashboardDir)]
  if (dashboardDir !== undefined) return [fileURLToPath(pathToFileURL(dashboardDir))]
  return ['../dashboard/', '../../dist/dashboard/'].map((path) => fileURLToPath(new URL(path, import.meta.url)))
}

async function loadFile(path: string): Promise<StaticFile> {
  return makeStaticFile(path, await readFile(path))
}

function fileType(name: string): string | undefined {
  return types[name.slice(name.lastIndexOf('.') + 1)]
}

function acceptsGzip(header: string | null): boolean {
  return (header ?? '').split(',').some((part) => /^\s*(gzip|\*)\s*(;\s*q=(?!0(\.0*)?\s*$).*)?$/i.test(part))
}

function matchesTag(header: string | null, etag: string): boolean {
  if (header === null) return false
  return header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag || tag.trim() === '*')
}
