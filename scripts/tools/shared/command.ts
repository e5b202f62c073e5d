/**
 * Command lines: what `commander` prints is printed as everything else is.
 *
 * @module
 */
import { Command } from "commander";
import { Shown } from "./escape.ts";
import { complain, write } from "./terminal.ts";

/** A command whose help and errors can't steer the terminal, whatever the arguments are, and that throws instead of exiting. */
export function newCommand(name: string): Command {
  return new Command(name).exitOverride().configureOutput({
    writeOut: (text) => write(new Shown(text)), // the help: all of it is ours
    writeErr: (text) => complain(text.trimEnd(), "\n"), // the help behind an error
    outputError(text) {
      // an argument that it quotes may have lines; a suggestion is one of its own
      const [, message, hint] = /^(.*?)(\n\(Did you mean [^\n]*\))?\n?$/s.exec(text)!;
      complain(message);
      if (hint) complain(hint.trim());
    },
  });
}
