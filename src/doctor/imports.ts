import type TS from 'typescript-5'
import type { Compiler } from './compiler.js'
import type { Project } from './project.js'

/** What a name of a file stands for in a package: its module without `node:`, and the way into it, such as `promises.readFile`. */
export interface Origin {
  module: string
  path: string
}

/** Names of a file that come from packages, by syntax alone: the packages themselves need not be installed. */
export class ImportTable {
  private readonly origins = new Map<string, Origin>()

  private readonly ts: Compiler
  private readonly checker: TS.TypeChecker
  private readonly file: TS.SourceFile
  private readonly isOwn: (specifier: string) => boolean

  constructor({ ts, checker, isOwnModule }: Project, file: TS.SourceFile) {
    this.ts = ts
    this.checker = checker
    this.file = file
    this.isOwn = (specifier) => isOwnModule(specifier, file.fileName)
    const visit = (node: TS.Node): void => {
      if (ts.isImportDeclaration(node)) this.readImport(node)
      else if (ts.isImportEqualsDeclaration(node)) this.readImportEquals(node)
      else if (ts.isVariableDeclaration(node) && node.initializer !== undefined) this.readVariable(node)
      if (!ts.isImportDeclaration(node)) ts.forEachChild(node, visit)
    }
    ts.forEachChild(file, visit)
  }

  /** Where an expression such as `fs.promises.readFile` comes from; undefined: from no package, or not known. */
  find(expression: TS.Expression): Origin | undefined {
    const { ts } = this
    if (ts.isIdentifier(expression)) return this.findName(expression)
    if (ts.isPropertyAccessExpression(expression)) {
      const origin = this.find(expression.expression)
      return origin === undefined ? undefined : extend(origin, expression.name.text)
    }
    if (ts.isParenthesizedExpression(expression) || ts.isNonNullExpression(expression))
      return this.find(expression.expression)
    if (ts.isAwaitExpression(expression)) return this.find(expression.expression)
    return this.readRequire(expression)
  }

  /** The package that an expression begins with: `new S3Client(…).send` is of `@aws-sdk/client-s3`. */
  findRoot(expression: TS.Expression): Origin | undefined {
    const { ts } = this
    let at = expression
    for (;;) {
      if (ts.isPropertyAccessExpression(at) || ts.isElementAccessExpression(at)) at = at.expression
      else if (ts.isCallExpression(at) && this.readRequire(at) === undefined) at = at.expression
      else if (ts.isNewExpression(at) || ts.isNonNullExpression(at) || ts.isParenthesizedExpression(at))
        at = at.expression
      else if (ts.isAwaitExpression(at) || ts.isAsExpression(at)) at = at.expression
      else return this.find(at)
    }
  }

  /** A name of a type. */
  findType(name: string): Origin | undefined {
    return this.origins.get(name)
  }

  private findName(name: TS.Identifier): Origin | undefined {
    const origin = this.origins.get(name.text)
    if (origin === undefined) return undefined
    // A parameter or variable of the same name hides it.
    const declaration = this.checker.getSymbolAtLocation(name)?.declarations?.[0]
    if (declaration === undefined || declaration.getSourceFile() !== this.file) return origin
    return this.isBinding(declaration) ? origin : undefined
  }

  private isBinding(declaration: TS.Node): boolean {
    const { ts } = this
    if (ts.isImportSpecifier(declaration) || ts.isImportClause(declaration) || ts.isNamespaceImport(declaration))
      return true
    if (ts.isImportEqualsDeclaration(declaration)) return true
    const variable = ts.isBindingElement(declaration) ? declaration.parent.parent : declaration
    return ts.isVariableDeclaration(variable) && variable.initializer !== undefined
  }

  private readImport({ importClause, moduleSpecifier }: TS.ImportDeclaration): void {
    const { ts } = this
    if (!ts.isStringLiteral(moduleSpecifier) || importClause === undefined || this.isOwn(moduleSpecifier.text)) return
    const module = nameModule(moduleSpecifier.text)
    if (importClause.name !== undefined) this.origins.set(importClause.name.text, { module, path: '' })
    const bindings = importClause.namedBindings
    if (bindings === undefined) return
    if (ts.isNamespaceImport(bindings)) this.origins.set(bindings.name.text, { module, path: '' })
    else
      for (const { name, propertyName } of bindings.elements) {
        const path = (propertyName ?? name).text
        this.origins.set(name.text, { module, path: path === 'default' ? '' : path })
      }
  }

  private readImportEquals({ name, moduleReference }: TS.ImportEqualsDeclaration): void {
    const { ts } = this
    if (!ts.isExternalModuleReference(moduleReference) || !ts.isStringLiteral(moduleReference.expression)) return
    if (this.isOwn(moduleReference.expression.text)) return
    this.origins.set(name.text, { module: nameModule(moduleReference.expression.text), path: '' })
  }

  /** `const { readFileSync } = require('fs')`, `const read = fs.readFileSync`, `const { promises } = fs`. */
  private readVariable({ name, initializer }: TS.VariableDeclaration): void {
    const { ts } = this
    const origin = this.findDeclared(initializer as TS.Expression)
    if (origin === undefined) return
    if (ts.isIdentifier(name)) this.origins.set(name.text, origin)
    else if (ts.isObjectBindingPattern(name))
      for (const element of name.elements) {
        const property = element.propertyName ?? element.name
        if (ts.isIdentifier(element.name) && ts.isIdentifier(property))
          this.origins.set(element.name.text, extend(origin, property.text))
      }
  }

  /** Without the checker: this runs before there is anything to ask it for. */
  private findDeclared(expression: TS.Expression): Origin | undefined {
    const { ts } = this
    if (ts.isIdentifier(expression)) return this.origins.get(expression.text)
    if (ts.isPropertyAccessExpression(expression)) {
      const origin = this.findDeclared(expression.expression)
      return origin === undefined ? undefined : extend(origin, expression.name.text)
    }
    if (ts.isAwaitExpression(expression)) return this.readRequire(expression.expression)
    return this.readRequire(expression)
  }

  /** `require('fs')`, `import('fs')`. */
  private readRequire(expression: TS.Expression): Origin | undefined {
    const { ts } = this
    if (!ts.isCallExpression(expression)) return undefined
    const { expression: callee } = expression
    const isRequire = ts.isIdentifier(callee) && callee.text === 'require'
    if (!isRequire && callee.kind !== ts.SyntaxKind.ImportKeyword) return undefined
    const [argument] = expression.arguments
    return argument !== undefined && ts.isStringLiteralLike(argument) && !this.isOwn(argument.text)
      ? { module: nameModule(argument.text), path: '' }
      : undefined
  }
}

const nameModule = (specifier: string): string => specifier.replace(/^node:/, '')

/** `default` of a package that CommonJS knows is the package. */
function extend({ module, path }: Origin, name: string): Origin {
  if (name === 'default') return { module, path }
  return { module, path: path === '' ? name : `${path}.${name}` }
}
