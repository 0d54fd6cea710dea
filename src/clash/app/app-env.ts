/** What the application is started with: each URL of the database leads to the clone, as the role that it names. */
export function makeAppEnv(env: NodeJS.ProcessEnv, url: string, clone: string, port: number): NodeJS.ProcessEnv {
  const [from, to] = [new URL(url), new URL(clone)]
  const moved = Object.entries(env).map(([name, value]) => [name, moveUrl(value, from, to)] as const)
  const { DATABASE_URL = clone, ...rest } = Object.fromEntries(moved)
  return {
    ...rest,
    DATABASE_URL: isOf(DATABASE_URL, to) ? DATABASE_URL : clone,
    ...readParts(to),
    PORT: String(port),
  }
}

function moveUrl(value: string | undefined, from: URL, to: URL): string | undefined {
  if (value === undefined || !isOf(value, from)) return value
  const moved = new URL(value)
  moved.pathname = to.pathname
  return moved.href
}

function isOf(value: string, { pathname, port }: URL): boolean {
  if (!/^postgres(ql)?:\/\//.test(value) || !URL.canParse(value)) return false
  const url = new URL(value)
  return url.pathname === pathname && (url.port || '5432') === (port || '5432')
}

function readParts({ hostname, port, username, password, pathname }: URL): NodeJS.ProcessEnv {
  return {
    PGHOST: hostname,
    PGPORT: port || '5432',
    PGUSER: decodeURIComponent(username),
    ...(password !== '' && { PGPASSWORD: decodeURIComponent(password) }),
    PGDATABASE: decodeURIComponent(pathname.slice(1)),
  }
}
