/**
 * `ipc completion`: scripts for shells, made from the command's own list of subcommands and options.
 *
 * @module
 */
import type { Command } from "commander";

/** The shells that there are scripts for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** A shell's script; it completes a command called `ipc`, so there has to be an alias or a link of that name. */
export function completion(program: Command, shell: typeof SHELLS[number]): string {
  const list = program.commands.map((command) => ({
    name: command.name(),
    description: command.summary() || command.description(),
    options: command.options.flatMap(({ short, long }) => [short, long]).filter((name) => name !== undefined),
    words: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
  }));
  const names = list.map(({ name }) => name).join(" ");
  const cases = list.map(({ name, words, options }) => [name, [...words, ...options].join(" ")]).filter(([, all]) =>
    all
  );
  switch (shell) {
    case "bash":
      return `_ipc() {
  local words=
  if [ "$COMP_CWORD" -eq 1 ]; then words="${names}"; else
    case "\${COMP_WORDS[1]}" in
${cases.map(([name, all]) => `      ${name}) words="${all}" ;;`).join("\n")}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _ipc ipc
`;
    case "zsh":
      return `_ipc() {
  if (( CURRENT == 2 )); then compadd -- ${names}; return; fi
  case "$words[2]" in
${cases.map(([name, all]) => `    ${name}) compadd -- ${all} ;;`).join("\n")}
    *) _files ;;
  esac
}
compdef _ipc ipc
`;
    case "fish":
      return list.map(({ name, description }) =>
        `complete -c ipc -n __fish_use_subcommand -f -a ${name} -d '${description.replaceAll("'", "\\'")}'\n`
      ).join("") +
        cases.map(([name, all]) => `complete -c ipc -n '__fish_seen_subcommand_from ${name}' -f -a '${all}'\n`).join(
          "",
        );
  }
}
