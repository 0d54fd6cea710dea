import type TS from 'typescript-5'
import type { Compiler } from './compiler.js'
import { ImportTable } from './imports.js'
import type { Project } from './project.js'

/** A function, method, constructor or accessor with a body. */
export type FunctionNode = TS.FunctionLikeDeclaration & { body: TS.Node }
export type CallNode = TS.CallExpression | TS.NewExpression

export interface SourceFunction {
  node: FunctionNode
  file: TS.SourceFile
  /** `UserService.login`; `''`: a function without a name. */
  name: string
  outer: SourceFunction | undefined
  /** Calls in its own body, not in functions that are written in it. */
  calls: CallNode[]
}

export interface FoundCall {
  call: CallNode
  /** The function that it is in; undefined: runs when the module is loaded. */
  inside: SourceFunction | undefined
  file: TS.SourceFile
}

/** What the syntax of all files tells, read once. */
export interface SourceIndex {
  functions: ReadonlyMap<TS.Node, SourceFunction>
  calls: readonly FoundCall[]
  classes: readonly TS.ClassLikeDeclaration[]
  /** Methods and functions that are values of a property, by their name. */
  members: ReadonlyMap<string, readonly SourceFunction[]>
  importsOf: (file: TS.SourceFile) => ImportTable
}

export function indexSources(project: Project): SourceIndex {
  const { ts, files } = project
  const functions = new Map<TS.Node, SourceFunction>()
  const members = new Map<string, SourceFunction[]>()
  const calls: FoundCall[] = []
  const classes: TS.ClassLikeDeclaration[] = []
  const imports = new Map<TS.SourceFile, ImportTable>()

  const visit = (node: TS.Node, inside: SourceFunction | undefined, file: TS.SourceFile): void => {
    let owner = inside
    if (isFunction(ts, node)) {
      owner = { node, file, name: nameFunction(ts, node), outer: inside, calls: [] }
      functions.set(node, owner)
      const member = readMemberName(ts, node)
      if (member !== undefined) members.set(member, [...(members.get(member) ?? []), owner])
    } else if (ts.isCallExpression(node) || ts.isNewExpression(node)) {
      calls.push({ call: node, inside, file })
      inside?.calls.push(node)
    } else if (ts.isClassLike(node)) classes.push(node)
    ts.forEachChild(node, (child) => visit(child, owner, file))
  }
  for (const file of files) {
    imports.set(file, new ImportTable(project, file))
    ts.forEachChild(file, (child) => visit(child, undefined, file))
  }
  return { functions, calls, classes, members, importsOf: (file) => imports.get(file) as ImportTable }
}

export function isFunction(ts: Compiler, node: TS.Node): node is FunctionNode {
  return ts.isFunctionLike(node) && 'body' in node && node.body !== undefined
}

/** The innermost function around a node, itself not. */
export function findOuter(ts: Compiler, node: TS.Node): FunctionNode | undefined {
  for (let at = node.parent as TS.Node | undefined; at !== undefined; at = at.parent) if (isFunction(ts, at)) return at
  return undefined
}

/** Looks at everything in a function's own body, not at functions that are written in it. */
export function walkOwn(ts: Compiler, root: TS.Node, look: (node: TS.Node) => void): void {
  const visit = (node: TS.Node): void => {
    look(node)
    if (!isFunction(ts, node)) ts.forEachChild(node, visit)
  }
  ts.forEachChild(root, visit)
}

function nameFunction(ts: Compiler, node: FunctionNode): string {
  if (ts.isConstructorDeclaration(node)) return `new ${node.parent.name?.text ?? 'class'}`
  const own = node.name === undefined ? undefined : readName(ts, node.name)
  if (own !== undefined) {
    const { parent } = node
    return ts.isClassLike(parent) && parent.name !== undefined ? `${parent.name.text}.${own}` : own
  }
  const holder = findHolder(ts, node)
  if (holder === undefined) return ''
  if (ts.isVariableDeclaration(holder)) return ts.isIdentifier(holder.name) ? holder.name.text : ''
  if (ts.isPropertyDeclaration(holder) && holder.parent.name !== undefined)
    return `${holder.parent.name.text}.${readName(ts, holder.name) ?? ''}`
  if (ts.isPropertyAssignment(holder)) return readName(ts, holder.name) ?? ''
  if (ts.isBinaryExpression(holder)) return holder.left.getText().replace(/^(module\.)?exports\.?/, '') || 'exports'
  return ts.isExportAssignment(holder) ? 'default' : ''
}

/** What a function expression is the value of, also through a wrapper: `const list = wrap(async () => …)`. */
function findHolder(ts: Compiler, node: TS.Node): TS.Node | undefined {
  let at = node.parent
  while (ts.isParenthesizedExpression(at) || ts.isAsExpression(at) || ts.isSatisfiesExpression(at)) at = at.parent
  if (ts.isVariableDeclaration(at) || ts.isPropertyDeclaration(at) || ts.isPropertyAssignment(at)) return at
  if (ts.isExportAssignment(at)) return at
  if (ts.isBinaryExpression(at) && at.operatorToken.kind === ts.SyntaxKind.EqualsToken) return at
  if (ts.isCallExpression(at) && at.expression !== node && ts.isVariableDeclaration(at.parent)) return at.parent
  return undefined
}

function readMemberName(ts: Compiler, node: FunctionNode): string | undefined {
  if (ts.isMethodDeclaration(node)) return readName(ts, node.name)
  const holder = findHolder(ts, node)
  if (holder === undefined) return undefined
  if (ts.isPropertyAssignment(holder) || ts.isPropertyDeclaration(holder)) return readName(ts, holder.name)
  if (ts.isBinaryExpression(holder) && ts.isPropertyAccessExpression(holder.left)) return holder.left.name.text
  return undefined
}

export function readName(ts: Compiler, name: TS.PropertyName | TS.BindingName): string | undefined {
  return ts.isIdentifier(name) || ts.isStringLiteralLike(name) || ts.isPrivateIdentifier(name) ? name.text : undefined
}
