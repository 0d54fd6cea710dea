import { z } from 'zod'

const port = z.coerce.number().int().min(0).max(65_535)

const environment = z.object({
  /** The box office's own database. */
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  /** 0 takes any free port. Default: 3000. */
  PORT: port.default(3000),
  HOST: z.string().default('127.0.0.1'),
  /** Where the payments service answers. */
  PAYMENTS_URL: z.url({ protocol: /^https?$/ }).default('http://127.0.0.1:3001'),
  /** One call to payments may take this long. Default: 2 000 ms. */
  PAYMENTS_TIMEOUT_MS: z.coerce.number().int().min(50).max(30_000).default(2_000),
  /** Opens /_holdfast/ to callers beyond loopback that present it. Default: loopback only. */
  HOLDFAST_TOKEN: z.string().min(16).optional(),
  /** Jobs that this process runs at once; 0 leaves them to other processes. Default: 5. */
  JOBS_CONCURRENCY: z.coerce.number().int().min(0).max(100).default(5),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent']).default('info'),
})

const paymentsEnvironment = z.object({
  /** The payments service's own database: never the box office's. */
  PAYMENTS_DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  PAYMENTS_PORT: port.default(3001),
  LOG_LEVEL: environment.shape.LOG_LEVEL,
})

export type Config = z.infer<typeof environment>
export type PaymentsConfig = z.infer<typeof paymentsEnvironment>

/** The environment is not usable. Names variables only: a value may hold a password. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

function readEnvironment<Schema extends z.ZodType>(schema: Schema, env: NodeJS.ProcessEnv): z.infer<Schema> {
  // `PORT= npm start` means "not set", not an empty port.
  const filled = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const parsed = schema.safeParse(filled)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
  throw new ConfigError(`The environment is not usable. ${problems.join('; ')}`)
}

/** Reads the box office's settings. @throws ConfigError naming each variable that is missing or wrong. */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  return readEnvironment(environment, env)
}

/** Reads the payments service's settings. @throws ConfigError */
export function readPaymentsConfig(env: NodeJS.ProcessEnv = process.env): PaymentsConfig {
  return readEnvironment(paymentsEnvironment, env)
}
