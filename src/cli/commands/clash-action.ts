import type { CommandInput, CommandOption } from '../command.js'

/** What `holdfast clash <action>` does. */
export interface ClashAction {
  example: readonly string[]
  /** Of its own; `--url` and those of every command come on top. */
  options: Readonly<Record<string, CommandOption>>
  /** One word after it, the id of a pair. */
  takesId: boolean | 'may'
  /** Gives the exit code. */
  run(input: CommandInput): Promise<number>
}
