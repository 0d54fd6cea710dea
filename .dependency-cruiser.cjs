// The layers of the repository (see CONTRIBUTING.md): who may import whom. Edges between capabilities are written
// here, one by one, and nowhere else.

/** Capabilities of layer 1. A new one is added here. */
const capabilities = [
  'clash',
  'doctor',
  'embedded',
  'holds',
  'idempotency',
  'jobs',
  'locks',
  'overload',
  'sagas',
  'watch',
]
// errors.ts too: the guardian of the embedded server is a process of its own that should not load a database driver.
// early.ts too: what runs in front of an application must not load one either.
const allowedOfCore = '^src/core/(index|errors|early)\\.ts$'
/** What register uses of others before, or without, loading their faces. */
const allowedOfRegister = [
  '^src/clash/(app/(agent|protocol)|replay/(gate|gate-postgres-js|side))\\.ts$',
  '^src/core/early\\.ts$',
  '^src/http/(express-route|request-id|request-input|route-label)\\.ts$',
  '^src/watch/blocking/(sync-calls|threadpool-calls|pool-holds)\\.ts$',
  '^src/watch/(observe-(checkout|postgres-js|query)|process-watch|storage|storage-config|types)\\.ts$',
]
const insideCapability = `^src/(${capabilities.join('|')})/`

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'core-stands-alone',
      comment: 'Layer 0: core imports nothing else of src, and no package but pg.',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { path: '^src/', pathNot: '^src/core/' },
    },
    {
      name: 'capability-imports-core-by-its-face',
      severity: 'error',
      from: { path: '^src/(?!core/)' },
      to: { path: '^src/core/', pathNot: allowedOfCore },
    },
    {
      name: 'capabilities-do-not-know-each-other',
      severity: 'error',
      from: { path: insideCapability },
      // What watch has found is what clash replays.
      to: { path: '^src/', pathNot: [allowedOfCore, '^src/$1/', '^src/watch/index\\.ts$'] },
    },
    {
      name: 'only-clash-knows-watch',
      severity: 'error',
      from: { path: insideCapability, pathNot: '^src/(clash|watch)/' },
      to: { path: '^src/watch/' },
    },
    {
      name: 'http-and-prove-import-faces',
      comment: 'Layer 2 may import any capability, by its face, and what loads no driver.',
      severity: 'error',
      from: { path: '^src/(http|prove)/' },
      to: { path: '^src/', pathNot: ['^src/[^/]+/index\\.ts$', '^src/core/early\\.ts$', '^src/$1/'] },
    },
    {
      name: 'register-runs-first',
      comment: 'In front of the application: no face, because a face loads the driver.',
      severity: 'error',
      from: { path: '^src/register/' },
      to: { path: '^src/', pathNot: [...allowedOfRegister, '^src/register/'] },
    },
    {
      name: 'nobody-imports-register',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/register/' },
      to: { path: '^src/register/' },
    },
    {
      name: 'cli-is-on-top',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cli/' },
      to: { path: '^src/cli/' },
    },
    {
      name: 'cli-imports-faces',
      severity: 'error',
      from: { path: '^src/cli/' },
      to: { path: '^src/', pathNot: ['^src/[^/]+/index\\.ts$', '^src/cli/'] },
    },
    {
      name: 'embedded-is-for-development',
      comment: 'Only the CLI, the top face (lazily) and tests start a server.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/embedded/', '^src/cli/', '^src/index\\.ts$'] },
      to: { path: '^src/embedded/' },
    },
    {
      name: 'dashboard-shares-types-only',
      severity: 'error',
      from: { path: '^dashboard/' },
      to: { path: '^src/', pathNot: '^src/http/(contract|autopsy-contract)\\.ts$' },
    },
    {
      name: 'dashboard-shares-types-only-2',
      severity: 'error',
      from: { path: '^dashboard/' },
      to: { path: '^src/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'users-import-by-package-name',
      comment: 'example and bench are users: the exports map is what they see.',
      severity: 'error',
      from: { path: '^(example|bench)/' },
      to: { path: '^src/', dependencyTypes: ['local'] },
    },
    {
      name: 'box-office-layers',
      comment: 'Routes reach services, services reach repositories; a route never reaches SQL.',
      severity: 'error',
      from: { path: '^example/src/.*/routes\\.ts$' },
      to: { path: '(repository\\.ts|/database/)' },
    },
    {
      name: 'published-code-needs-only-pg',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/(watch/parser|overload/offload-(pool|thread))\\.ts$', '^src/doctor/'] },
      to: { dependencyTypes: ['npm', 'npm-dev'], pathNot: 'node_modules/(pg|@types)/' },
    },
    {
      name: 'one-file-loads-the-compiler',
      comment: 'docs/decisions/0021: its types may be named, it is loaded when a scan runs.',
      severity: 'error',
      from: { path: '^src/doctor/', pathNot: '^src/doctor/compiler\\.ts$' },
      to: {
        dependencyTypes: ['npm', 'npm-dev', 'npm-optional'],
        dependencyTypesNot: ['type-only'],
        pathNot: 'node_modules/@types/',
      },
    },
    {
      name: 'one-file-knows-the-parser',
      comment: 'docs/decisions/0017: loaded when somebody watches, and not before.',
      severity: 'error',
      from: { path: '^src/watch/parser\\.ts$' },
      to: { dependencyTypes: ['npm', 'npm-dev'], pathNot: 'node_modules/(libpg-query|@types)/' },
    },
    {
      name: 'two-files-know-the-threads',
      comment: 'piscina is optional: loaded with the first call of offload, and in its threads.',
      severity: 'error',
      from: { path: '^src/overload/offload-(pool|thread)\\.ts$' },
      to: { dependencyTypes: ['npm', 'npm-dev'], pathNot: 'node_modules/(piscina|@types)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['holdfast-src', 'import', 'types', 'default'],
    },
  },
}
