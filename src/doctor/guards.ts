import type TS from 'typescript-5'
import type { Project } from './project.js'
import { skipOuter } from './resolve-call.js'
import { isFunction, walkOwn, type FunctionNode } from './source-index.js'

/** Why code of a request does not run in each of them. */
export type Guard = 'once' | 'development' | 'ending'

const onceWrapper = /^(once|memo|memoize|memoizee|memoized|lazy|singleton|cached|onetime|pMemoize)$/i
const development =
  /NODE_ENV\s*!==?\s*['"]production|!\s*[\w.]*\bisProd(uction)?\b|(^|[^!\w])[\w.]*\bis(Dev|Development|Test)\b|NODE_ENV\s*===?\s*['"](dev|test|local)/
/** A server of its own for development, by the name that they have. */
const developmentFile = /[/\\](dev|development)([-.](server|routes?|middleware))?\.[cm]?[jt]sx?$/
const production = /NODE_ENV\s*===?\s*['"]production|(^|[^!\w.])[\w.]*\bisProd(uction)?\b/

/** Does `node` run in the first request only, or in development only? Looks at conditions around it, up to its function. */
export function findGuard({ ts, checker }: Project, node: TS.Node): Guard | undefined {
  let at = node
  for (; at.parent !== undefined && !isFunction(ts, at.parent); at = at.parent) {
    const guard = readParent(ts, checker, at, at.parent)
    if (guard !== undefined) return guard
  }
  const fn = at.parent as FunctionNode | undefined
  if (fn === undefined) return undefined
  if (developmentFile.test(fn.getSourceFile().fileName)) return 'development'
  if (endsProcess(ts, fn)) return 'ending'
  if (isWrapped(ts, fn) || returnsEarly(ts, checker, fn, node)) return 'once'
  // A callback that is written here runs under the conditions around it.
  return ts.isArrowFunction(fn) || ts.isFunctionExpression(fn)
    ? ts.isCallExpression(fn.parent) || ts.isNewExpression(fn.parent)
      ? findGuard({ ts, checker } as Project, fn)
      : undefined
    : undefined
}

/** `process.exit()` in the same function: there are no other requests to wait. */
function endsProcess(ts: Project['ts'], fn: FunctionNode): boolean {
  let isFound = false
  walkOwn(ts, fn.body, (node) => {
    if (!ts.isCallExpression(node)) return
    const name = node.expression.getText()
    if (name === 'process.exit' || name === 'process.abort') isFound = true
    if (name === 'process.kill' && /^process\.p?pid$/.test(node.arguments[0]?.getText() ?? '')) isFound = true
  })
  return isFound
}

function readParent(ts: Project['ts'], checker: TS.TypeChecker, node: TS.Node, parent: TS.Node): Guard | undefined {
  if (ts.isBinaryExpression(parent) && parent.right === node && isLazy(ts, checker, parent)) return 'once'
  const isIf = ts.isIfStatement(parent)
  if (!isIf && !ts.isConditionalExpression(parent)) return undefined
  const condition = isIf ? parent.expression : parent.condition
  if (node === condition) return undefined
  const isThen = node === (isIf ? parent.thenStatement : parent.whenTrue)
  const text = condition.getText().replaceAll(/\[['"](\w+)['"]\]/g, '.$1')
  if (isThen ? development.test(text) : production.test(text)) return 'development'
  return isThen && isEmptyTest(ts, checker, condition, node) ? 'once' : undefined
}

/** `x ??= read()`, `x || (x = read())`. */
function isLazy(
  ts: Project['ts'],
  checker: TS.TypeChecker,
  { left, operatorToken, right }: TS.BinaryExpression,
): boolean {
  const { kind } = operatorToken
  const { SyntaxKind } = ts
  if (kind === SyntaxKind.QuestionQuestionEqualsToken || kind === SyntaxKind.BarBarEqualsToken)
    return isKept(ts, checker, left)
  if (kind !== SyntaxKind.BarBarToken && kind !== SyntaxKind.QuestionQuestionToken) return false
  return isKept(ts, checker, left) && assigns(ts, right, left.getText())
}

/** `if (!x) x = …`, `if (x === undefined) …`, `if (!map.has(key)) map.set(key, …)`. */
function isEmptyTest(ts: Project['ts'], checker: TS.TypeChecker, condition: TS.Expression, then: TS.Node): boolean {
  const subject = readEmptySubject(ts, condition)
  if (subject === undefined) return false
  if (ts.isCallExpression(subject) && ts.isPropertyAccessExpression(subject.expression)) {
    const map = subject.expression.expression
    return /^(has|get)$/.test(subject.expression.name.text) && isKept(ts, checker, map) && sets(ts, then, map.getText())
  }
  return isKept(ts, checker, subject) && assigns(ts, then, subject.getText())
}

function readEmptySubject(ts: Project['ts'], condition: TS.Expression): TS.Expression | undefined {
  const { SyntaxKind } = ts
  if (ts.isPrefixUnaryExpression(condition) && condition.operator === SyntaxKind.ExclamationToken)
    return condition.operand
  if (!ts.isBinaryExpression(condition)) return undefined
  const { kind } = condition.operatorToken
  if (kind === SyntaxKind.BarBarToken || kind === SyntaxKind.AmpersandAmpersandToken)
    return readEmptySubject(ts, condition.left)
  const isEqual = kind === SyntaxKind.EqualsEqualsEqualsToken || kind === SyntaxKind.EqualsEqualsToken
  return isEqual && /^(null|undefined|void 0)$/.test(condition.right.getText()) ? condition.left : undefined
}

/** `if (cache) return cache` before, and `cache = …` or `cache.set(…)` after. */
function returnsEarly(ts: Project['ts'], checker: TS.TypeChecker, fn: FunctionNode, node: TS.Node): boolean {
  if (!ts.isBlock(fn.body)) return false
  const before = fn.body.statements.filter((each) => each.end <= node.getStart())
  return before.some((each) => {
    if (!ts.isIfStatement(each) || !leaves(ts, each.thenStatement)) return false
    const condition = readPresent(ts, each.expression)
    const source = condition === undefined ? undefined : followLocal(ts, checker, condition)
    if (source === undefined) return false
    if (ts.isCallExpression(source) && ts.isPropertyAccessExpression(source.expression)) {
      const map = source.expression.expression
      return (
        /^(has|get)$/.test(source.expression.name.text) && isKept(ts, checker, map) && sets(ts, fn.body, map.getText())
      )
    }
    if (!isKept(ts, checker, source)) return false
    const filled =
      ts.isPropertyAccessExpression(source) && /^(size|length)$/.test(source.name.text) ? source.expression : source
    return assigns(ts, fn.body, filled.getText()) || (filled !== source && sets(ts, fn.body, filled.getText()))
  })
}

/** `x`, `x !== undefined`, `map.has(key)`. */
function readPresent(ts: Project['ts'], condition: TS.Expression): TS.Expression | undefined {
  if (ts.isIdentifier(condition) || ts.isPropertyAccessExpression(condition) || ts.isCallExpression(condition))
    return condition
  if (!ts.isBinaryExpression(condition)) return undefined
  if (condition.operatorToken.kind === ts.SyntaxKind.AmpersandAmpersandToken) return readPresent(ts, condition.left)
  if (condition.operatorToken.getText() === '>' && condition.right.getText() === '0') return condition.left
  return /^(null|undefined)$/.test(condition.right.getText()) && condition.operatorToken.getText().startsWith('!')
    ? condition.left
    : undefined
}

/** `const hit = cache.get(key)`: what is looked at is the cache. */
function followLocal(ts: Project['ts'], checker: TS.TypeChecker, expression: TS.Expression): TS.Expression {
  if (!ts.isIdentifier(expression)) return expression
  const declaration = checker.getSymbolAtLocation(expression)?.declarations?.[0]
  if (declaration === undefined || !ts.isVariableDeclaration(declaration) || declaration.initializer === undefined)
    return expression
  const made = skipOuter(ts, declaration.initializer)
  return ts.isCallExpression(made) ? made : expression
}

function leaves(ts: Project['ts'], statement: TS.Statement): boolean {
  if (ts.isReturnStatement(statement)) return true
  return ts.isBlock(statement) && statement.statements.some((each) => ts.isReturnStatement(each))
}

/** Outlives the call: a variable of the module or of an outer function, or a property of `this`. */
function isKept(ts: Project['ts'], checker: TS.TypeChecker, expression: TS.Expression): boolean {
  let root = expression
  while (ts.isPropertyAccessExpression(root) || ts.isElementAccessExpression(root) || ts.isNonNullExpression(root))
    root = root.expression
  if (root.kind === ts.SyntaxKind.ThisKeyword) return true
  if (!ts.isIdentifier(root)) return false
  const declaration = checker.getSymbolAtLocation(root)?.declarations?.[0]
  if (declaration === undefined || ts.isParameter(declaration)) return false
  const inside = findFunction(ts, declaration)
  return inside === undefined || inside !== findFunction(ts, root)
}

function findFunction(ts: Project['ts'], node: TS.Node): TS.Node | undefined {
  for (let at: TS.Node | undefined = node.parent; at !== undefined; at = at.parent) if (isFunction(ts, at)) return at
  return undefined
}

function assigns(ts: Project['ts'], inside: TS.Node, target: string): boolean {
  let found = false
  const look = (node: TS.Node): void => {
    if (
      ts.isBinaryExpression(node) &&
      node.left.getText() === target &&
      /^(\?\?|\|\|)?=$/.test(node.operatorToken.getText())
    )
      found = true
  }
  look(inside)
  walkOwn(ts, inside, look)
  return found
}

function sets(ts: Project['ts'], inside: TS.Node, map: string): boolean {
  let found = false
  walkOwn(ts, inside, (node) => {
    if (ts.isCallExpression(node) && /^(.*)\.(set|add|push)$/.exec(node.expression.getText())?.[1] === map) found = true
  })
  return found
}

function isWrapped(ts: Project['ts'], fn: FunctionNode): boolean {
  const { parent } = fn
  if (!ts.isCallExpression(parent) || parent.expression === fn) return false
  const name = ts.isPropertyAccessExpression(parent.expression)
    ? parent.expression.name.text
    : parent.expression.getText()
  return onceWrapper.test(name)
}
