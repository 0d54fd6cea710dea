import type TS from 'typescript-5'
import type { LayerFolders } from '../types.js'
import type { Rule, ScanContext } from './rule.js'

const usual: LayerFolders = {
  routes: ['routes', 'route', 'controllers', 'controller', 'handlers', 'handler'],
  services: ['services', 'service'],
  repositories: ['repositories', 'repository', 'repos'],
}
const statement =
  /^\s*(select\s[\s\S]+\sfrom\s|insert\s+into\s|update\s+\S+\s+set\s|delete\s+from\s|with\s+\w+\s+as\s*\()/i

/** Routes that reach past the services: to a repository, or to SQL. A fault only where a project has all three layers. */
export const findLayerBreaks: Rule = (context, report) => {
  const layers = { ...usual, ...context.options.layers }
  const { project } = context
  const { ts } = project
  const isLayered = (['routes', 'services', 'repositories'] as const).every((layer) =>
    project.files.some((file) => project.isTarget(file) && isOf(context, file.fileName, layers[layer])),
  )
  const severity = isLayered ? 'watch' : 'info'
  const routeFiles = new Set(project.files.filter(({ fileName }) => isOf(context, fileName, layers.routes)))
  return (node) => {
    if (!routeFiles.has(node.getSourceFile())) return
    if (ts.isImportDeclaration(node)) {
      const imported = isTypeOnly(ts, node) ? undefined : findImported(context, node)
      if (imported === undefined || !isOf(context, imported.fileName, layers.repositories)) return
      report({
        rule: 'doctor/layering',
        severity,
        node,
        way: undefined,
        sentence: `A route imports a repository, ${node.moduleSpecifier.getText()}: what belongs to one use case is spread, and the transaction has no owner.`,
        fix: 'Import a service, which owns the transaction and calls the repository with it.',
      })
    } else if ((ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)) && isStatement(ts, node))
      report({
        rule: 'doctor/layering',
        severity,
        node,
        way: undefined,
        sentence:
          'A route holds SQL: the same rule is soon written in two places, and no service owns the transaction.',
        fix: 'Move it into a repository, and call that from a service.',
      })
  }
}

/** By a folder, or by the name as in `orders.routes.ts` and `routes.ts`. */
function isOf({ project }: ScanContext, path: string, names: readonly string[]): boolean {
  const parts = project.keyPath(path).split('/')
  const file = (parts.pop() ?? '').replace(/\.[cm]?[jt]sx?$/, '')
  return (
    parts.some((part) => names.includes(part)) ||
    names.includes(file) ||
    names.includes(/[.-]([^.-]+)$/.exec(file)?.[1] ?? '')
  )
}

function isTypeOnly(ts: ScanContext['project']['ts'], { importClause }: TS.ImportDeclaration): boolean {
  if (importClause === undefined || importClause.isTypeOnly) return true
  const bindings = importClause.namedBindings
  return (
    importClause.name === undefined &&
    bindings !== undefined &&
    ts.isNamedImports(bindings) &&
    bindings.elements.every((each) => each.isTypeOnly)
  )
}

function findImported({ project }: ScanContext, { moduleSpecifier }: TS.ImportDeclaration): TS.SourceFile | undefined {
  const { ts, checker } = project
  const declaration = checker.getSymbolAtLocation(moduleSpecifier)?.declarations?.[0]
  return declaration !== undefined && ts.isSourceFile(declaration) ? declaration : undefined
}

/** Given to a query, or tagged: prose may begin with `select` too. */
function isStatement(ts: ScanContext['project']['ts'], node: TS.Node): boolean {
  const { parent } = node
  const isGiven =
    ts.isTaggedTemplateExpression(parent) ||
    (ts.isCallExpression(parent) && /(query|execute|raw|unsafe|sql)$/i.test(parent.expression.getText()))
  return isGiven && statement.test(node.getText().slice(1))
}
