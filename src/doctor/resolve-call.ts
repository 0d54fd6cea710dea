import type TS from 'typescript-5'
import type { Origin } from './imports.js'
import type { Project } from './project.js'
import { isFunction, readName, walkOwn, type SourceFunction, type SourceIndex } from './source-index.js'

export interface Callee {
  targets: readonly SourceFunction[]
  /** By the name alone. */
  isGuess: boolean
  /** Whether it is known what is called: a function of the repository, of a package, or a built-in. */
  isKnown: boolean
}

const unknown: Callee = { targets: [], isGuess: false, isKnown: false }
const external: Callee = { targets: [], isGuess: false, isKnown: true }
const mostDepth = 6
/** A method that more classes implement says nothing about which of them is called. */
const mostImplementations = 6

/** Two words at least, such as `renderTemplate`: what packages call theirs is rarely that. */
const tellingName = /^[a-z]+\d*[A-Z][A-Za-z\d]{3,}$/
/** On these, a name is that of the framework or of a driver. */
const foreignReceiver =
  /^(req|request|res|response|reply|ctx|context|c|next|app|server|router|fastify|db|knex|trx|tx|prisma|client|pool|pg|sql|z|joi|schema|console|logger|log|process|moment|dayjs|axios|redis|event|e|err|error|socket|io|ws|stream|window|document|\$|_)$/i

/** Tells which functions of the repository an expression stands for, and which a call calls. */
export class CallResolver {
  private readonly implementations = new Map<TS.Symbol, TS.ClassLikeDeclaration[]>()
  private readonly returned = new Map<SourceFunction, readonly SourceFunction[]>()
  /** What `fastify.decorate(name, fn)` adds, and the like. */
  readonly decorated = new Map<string, SourceFunction[]>()
  private areClassesRead = false

  private readonly project: Project
  private readonly index: SourceIndex

  constructor(project: Project, index: SourceIndex) {
    this.project = project
    this.index = index
  }

  resolveCall(call: TS.CallExpression | TS.NewExpression): Callee {
    const { ts } = this.project
    const callee = skipOuter(ts, call.expression)
    if (callee.kind === ts.SyntaxKind.SuperKeyword) return this.resolveSuper(callee)
    if (ts.isNewExpression(call)) return this.resolveNew(callee)
    if (callee.kind === ts.SyntaxKind.ImportKeyword) return external
    // What runs is what the first call gives back: `makeHandler()(request)`.
    if (ts.isCallExpression(callee)) return known(this.resolveValue(callee))
    if (isFunction(ts, callee)) return known(this.listOwn(callee))
    const targets = this.resolveValue(callee)
    if (targets.length > 0) return known(targets)
    if (this.originOf(callee) !== undefined) return external
    return this.resolveRest(callee)
  }

  /** Functions of the repository that an expression gives: named, wrapped, bound, chosen, made by another function. */
  resolveValue(given: TS.Expression, depth = 0): readonly SourceFunction[] {
    const { ts } = this.project
    if (depth > mostDepth) return []
    const expression = skipOuter(ts, given)
    if (isFunction(ts, expression)) return this.listOwn(expression)
    if (ts.isIdentifier(expression) || ts.isPropertyAccessExpression(expression)) {
      if (ts.isPropertyAccessExpression(expression) && /^(bind|call|apply)$/.test(expression.name.text))
        return this.resolveValue(expression.expression, depth + 1)
      return this.resolveSymbol(this.symbolOf(expression), depth)
    }
    if (ts.isCallExpression(expression)) return this.resolveMade(expression, depth)
    if (ts.isNewExpression(expression))
      return (expression.arguments ?? []).flatMap((each) => this.resolveArgument(each, depth))
    if (ts.isConditionalExpression(expression))
      return [expression.whenTrue, expression.whenFalse].flatMap((each) => this.resolveValue(each, depth + 1))
    if (ts.isBinaryExpression(expression))
      return [expression.left, expression.right].flatMap((each) => this.resolveValue(each, depth + 1))
    if (ts.isArrayLiteralExpression(expression))
      return expression.elements.flatMap((each) => this.resolveValue(each, depth + 1))
    if (ts.isSpreadElement(expression)) return this.resolveValue(expression.expression, depth + 1)
    return []
  }

  /** The functions that `fn` gives back when it is called. */
  listReturned(fn: SourceFunction, depth = 0): readonly SourceFunction[] {
    const known = this.returned.get(fn)
    if (known !== undefined) return known
    this.returned.set(fn, [])
    const { ts } = this.project
    const found: SourceFunction[] = []
    const { body } = fn.node
    if (!ts.isBlock(body)) found.push(...this.resolveValue(body, depth + 1))
    else
      walkOwn(ts, body, (node) => {
        if (ts.isReturnStatement(node) && node.expression !== undefined)
          found.push(...this.resolveValue(node.expression, depth + 1))
      })
    this.returned.set(fn, found)
    return found
  }

  /** `{ handler }`. */
  resolveShorthand(node: TS.ShorthandPropertyAssignment): readonly SourceFunction[] {
    return this.resolveSymbol(this.follow(this.project.checker.getShorthandAssignmentValueSymbol(node)), 0)
  }

  symbolOf(expression: TS.Expression): TS.Symbol | undefined {
    const { ts, checker } = this.project
    const name = ts.isPropertyAccessExpression(expression) ? expression.name : expression
    const symbol = checker.getSymbolAtLocation(name)
    return symbol !== undefined && symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
  }

  originOf(expression: TS.Expression): Origin | undefined {
    return this.index.importsOf(expression.getSourceFile()).findRoot(expression)
  }

  /** `wrap(fn)`, `makeHandler(options)`: what is given to it, and what it gives back. */
  private resolveMade(call: TS.CallExpression, depth: number): readonly SourceFunction[] {
    const { ts } = this.project
    const callee = skipOuter(ts, call.expression)
    if (ts.isPropertyAccessExpression(callee) && callee.name.text === 'bind')
      return this.resolveValue(callee.expression, depth + 1)
    const makers = this.resolveValue(callee, depth + 1)
    const made = makers.flatMap((maker) => this.listReturned(maker, depth + 1))
    return [...made, ...call.arguments.flatMap((each) => this.resolveArgument(each, depth + 1))]
  }

  private resolveArgument(argument: TS.Expression, depth: number): readonly SourceFunction[] {
    const { ts } = this.project
    const value = skipOuter(ts, argument)
    if (ts.isObjectLiteralExpression(value) || ts.isStringLiteralLike(value) || ts.isNewExpression(value)) return []
    return this.resolveValue(value, depth + 1)
  }

  private resolveSymbol(symbol: TS.Symbol | undefined, depth: number): readonly SourceFunction[] {
    const declarations = symbol?.declarations ?? []
    const found = declarations.slice(0, 4).flatMap((each) => this.resolveDeclaration(each, depth + 1))
    return [...new Set(found)]
  }

  private resolveDeclaration(node: TS.Node, depth: number): readonly SourceFunction[] {
    const { ts, checker } = this.project
    if (depth > mostDepth) return []
    if (isFunction(ts, node)) return this.listOwn(node)
    // `push` of an array is never a method of the repository that has its name.
    if (node.getSourceFile().isDeclarationFile) return []
    if (ts.isMethodSignature(node) || ts.isPropertySignature(node) || ts.isMethodDeclaration(node))
      return this.listImplementations(node, depth)
    if (ts.isVariableDeclaration(node) || ts.isPropertyDeclaration(node) || ts.isPropertyAssignment(node)) {
      if (node.initializer !== undefined) return this.resolveValue(node.initializer, depth)
      return ts.isPropertyDeclaration(node) ? this.resolveAssigned(node, depth) : []
    }
    if (ts.isShorthandPropertyAssignment(node))
      return this.resolveSymbol(this.follow(checker.getShorthandAssignmentValueSymbol(node)), depth)
    if (ts.isBinaryExpression(node)) return this.resolveValue(node.right, depth)
    // `exports.list = …`: the declaration is the left side.
    if (ts.isPropertyAccessExpression(node) && ts.isBinaryExpression(node.parent))
      return this.resolveValue(node.parent.right, depth)
    if (ts.isExportAssignment(node)) return this.resolveValue(node.expression, depth)
    if (ts.isBindingElement(node)) return this.resolveBinding(node, depth)
    return []
  }

  private follow(symbol: TS.Symbol | undefined): TS.Symbol | undefined {
    const { ts, checker } = this.project
    return symbol !== undefined && symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
  }

  /** `const { send } = createMailer()`: the member of what is taken apart. */
  private resolveBinding(node: TS.BindingElement, depth: number): readonly SourceFunction[] {
    const { ts, checker } = this.project
    const name = readName(ts, node.propertyName ?? node.name)
    if (name === undefined || !ts.isObjectBindingPattern(node.parent)) return []
    const type = checker.getTypeAtLocation(node.parent)
    return this.resolveSymbol(this.follow(type.getProperty(name)), depth)
  }

  /** `this.send = this.send.bind(this)` and the like, in the constructor of its class. */
  private resolveAssigned(node: TS.PropertyDeclaration, depth: number): readonly SourceFunction[] {
    const { ts } = this.project
    const maker = node.parent.members.find((each) => ts.isConstructorDeclaration(each))
    const name = readName(ts, node.name)
    if (maker?.body === undefined || name === undefined) return []
    const found: SourceFunction[] = []
    walkOwn(ts, maker.body, (each) => {
      if (!ts.isBinaryExpression(each) || each.operatorToken.kind !== ts.SyntaxKind.EqualsToken) return
      if (ts.isPropertyAccessExpression(each.left) && each.left.getText() === `this.${name}`)
        found.push(...this.resolveValue(each.right, depth))
    })
    return found
  }

  /** Of an interface's or abstract method: the methods of the classes that implement it. */
  private listImplementations(
    node: TS.MethodSignature | TS.PropertySignature | TS.MethodDeclaration,
    depth: number,
  ): readonly SourceFunction[] {
    const { ts, checker } = this.project
    const name = readName(ts, node.name)
    const owner = node.parent
    if (name === undefined) return []
    if ((ts.isInterfaceDeclaration(owner) || ts.isClassLike(owner)) && owner.name !== undefined) {
      const symbol = checker.getSymbolAtLocation(owner.name)
      const classes = symbol === undefined ? [] : this.listClasses(symbol)
      const found = classes
        .flatMap((each) => each.members)
        .filter((each) => each.name !== undefined && readName(ts, each.name) === name)
      if (found.length > 0 && found.length <= mostImplementations)
        return found.flatMap((each) => this.resolveDeclaration(each, depth + 1))
    }
    const named = this.index.members.get(name) ?? []
    return named.length === 1 ? named : []
  }

  private listClasses(symbol: TS.Symbol, seen = new Set<TS.Symbol>()): readonly TS.ClassLikeDeclaration[] {
    this.readClasses()
    if (seen.has(symbol)) return []
    seen.add(symbol)
    const direct = this.implementations.get(symbol) ?? []
    const below = direct.flatMap((each) => {
      const own = each.name === undefined ? undefined : this.project.checker.getSymbolAtLocation(each.name)
      return own === undefined ? [] : this.listClasses(own, seen)
    })
    return [...new Set([...direct, ...below])]
  }

  private readClasses(): void {
    if (this.areClassesRead) return
    this.areClassesRead = true
    for (const each of this.index.classes)
      for (const clause of each.heritageClauses ?? [])
        for (const { expression } of clause.types) {
          const symbol = this.symbolOf(expression)
          if (symbol === undefined) continue
          this.implementations.set(symbol, [...(this.implementations.get(symbol) ?? []), each])
        }
  }

  private resolveNew(callee: TS.Expression): Callee {
    const symbol = this.symbolOf(callee)
    const { ts } = this.project
    const classes = (symbol?.declarations ?? []).filter((each) => ts.isClassLike(each))
    if (classes.length === 0) return symbol === undefined || this.originOf(callee) !== undefined ? external : unknown
    return known(classes.flatMap((each) => this.listConstructors(each)))
  }

  private listConstructors(of: TS.ClassLikeDeclaration): readonly SourceFunction[] {
    const { ts } = this.project
    const own = of.members.find((each) => ts.isConstructorDeclaration(each) && each.body !== undefined)
    if (own !== undefined) return this.listOwn(own)
    const parent = of.heritageClauses?.find(({ token }) => token === ts.SyntaxKind.ExtendsKeyword)?.types[0]
    const symbol = parent === undefined ? undefined : this.symbolOf(parent.expression)
    const above = symbol?.declarations?.find((each) => ts.isClassLike(each))
    return above === undefined || above === of ? [] : this.listConstructors(above)
  }

  private resolveSuper(callee: TS.Expression): Callee {
    const { ts } = this.project
    for (let at: TS.Node = callee; at.parent !== undefined; at = at.parent) {
      if (!ts.isClassLike(at)) continue
      const parent = at.heritageClauses?.find(({ token }) => token === ts.SyntaxKind.ExtendsKeyword)?.types[0]
      return parent === undefined ? unknown : this.resolveNew(parent.expression)
    }
    return unknown
  }

  /** No function of the repository by its type: a decorated one, a built-in, or the only one of that name. */
  private resolveRest(callee: TS.Expression): Callee {
    const { ts } = this.project
    if (!ts.isPropertyAccessExpression(callee)) return this.symbolOf(callee) === undefined ? unknown : external
    const name = callee.name.text
    const decorated = this.decorated.get(name)
    if (decorated !== undefined) return known(decorated)
    // Its type knows the member, such as `push` of an array: there is nothing to guess.
    if (this.symbolOf(callee) !== undefined) return external
    const receiver = skipOuter(ts, callee.expression)
    const last = ts.isPropertyAccessExpression(receiver)
      ? receiver.name.text
      : ts.isIdentifier(receiver)
        ? receiver.text
        : undefined
    if (last === undefined || foreignReceiver.test(last) || !tellingName.test(name)) return unknown
    const named = this.index.members.get(name) ?? []
    return named.length === 1 ? { targets: named, isGuess: true, isKnown: true } : unknown
  }

  private listOwn(node: TS.Node): readonly SourceFunction[] {
    const found = this.index.functions.get(node)
    return found === undefined ? [] : [found]
  }
}

const known = (targets: readonly SourceFunction[]): Callee => ({ targets, isGuess: false, isKnown: true })

/** Without parentheses, types, `!` and `await`, none of which changes what is meant. */
export function skipOuter(ts: Project['ts'], expression: TS.Expression): TS.Expression {
  let at = expression
  for (;;) {
    if (ts.isParenthesizedExpression(at) || ts.isAsExpression(at) || ts.isSatisfiesExpression(at)) at = at.expression
    else if (ts.isNonNullExpression(at) || ts.isTypeAssertionExpression(at) || ts.isAwaitExpression(at))
      at = at.expression
    else return at
  }
}
