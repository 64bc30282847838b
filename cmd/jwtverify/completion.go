package main

import (
	"fmt"
	"strings"
)

const completionUsage = `  jwtverify completion bash

Prints a script that completes commands, flags and file names. To load it in bash and zsh:
source <(jwtverify completion bash); in fish: jwtverify completion fish | source
`

// completion is the command of that name.
func (s *session) completion(f *flags) func() int {
	return func() int {
		shells := map[string]func([]completed) string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}
		if len(f.args) != 1 || shells[f.args[0]] == nil {
			return s.fail(f.command, fmt.Errorf("got %s, want bash, zsh or fish", quotedList(f.args)))
		}
		var list []completed
		for _, c := range commands() {
			of := newFlags(c.name)
			c.prepare(s, of)
			list = append(list, completed{c, of.known()})
		}
		return s.printHelp(shells[f.args[0]](list))
	}
}

// A completed is a command with what can stand behind it.
type completed struct {
	command
	flags []knownFlag
}

// choices are the words that a value or an argument can be; none: it can be another.
func choices(value string) []string {
	switch {
	case value == "[COMMAND]":
		return commandNames()
	case strings.Contains(value, "|"):
		return strings.Split(value, "|")
	}
	return nil
}

// Behind a flag that takes another value, and where no flag begins, bash completes the
// names of files.
func bashCompletion(list []completed) string {
	var values, flags, arguments strings.Builder
	for _, c := range list {
		names := "--help"
		for _, f := range c.flags {
			names += " --" + f.name
			if f.value != "" {
				fmt.Fprintf(&values, "    '%s --%s') words='%s' ;;\n", c.name, f.name, strings.Join(choices(f.value), " "))
			}
		}
		fmt.Fprintf(&flags, "    '%s '*) words='%s' ;;\n", c.name, names)
		if words := choices(c.arguments); words != nil {
			fmt.Fprintf(&arguments, "    '%s '*) words='%s' ;;\n", c.name, strings.Join(words, " "))
		}
	}
	return fmt.Sprintf(`# Completion of jwtverify in bash: source <(jwtverify completion bash)
_jwtverify() {
  local words='' word=${COMP_WORDS[COMP_CWORD]} behind="${COMP_WORDS[1]} ${COMP_WORDS[COMP_CWORD-1]}"
  [[ $word == -* ]] && case $behind in
%s  esac
  [[ $word != -* ]] && case $behind in
%s%s  esac
  (( COMP_CWORD == 1 )) && words='%s --help --version'
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _jwtverify jwtverify
`, flags.String(), values.String(), arguments.String(), strings.Join(commandNames(), " "))
}

func zshCompletion(list []completed) string {
	var names, cases strings.Builder
	inBrackets := strings.NewReplacer("[", "(", "]", ")", ":", `\:`, "'", `'\''`)
	value := func(name string) string {
		if words := choices(name); words != nil {
			return ":(" + strings.Join(words, " ") + ")"
		}
		return ":_files"
	}
	for _, c := range list {
		fmt.Fprintf(&names, "    '%s:%s'\n", c.name, strings.ReplaceAll(c.about, "'", `'\''`))
		fmt.Fprintf(&cases, "    %s) _arguments", c.name)
		for _, f := range c.flags {
			fmt.Fprintf(&cases, " \\\n      '*--%s[%s]", f.name, inBrackets.Replace(f.about))
			if f.value != "" {
				cases.WriteString(":value" + value(f.value))
			}
			cases.WriteString("'")
		}
		fmt.Fprintf(&cases, " \\\n      '--help[the help]'")
		if c.arguments != "" {
			fmt.Fprintf(&cases, " \\\n      '*:argument%s'", value(c.arguments))
		}
		cases.WriteString(" ;;\n")
	}
	return fmt.Sprintf(`#compdef jwtverify
# Completion of jwtverify in zsh: source <(jwtverify completion zsh)
_jwtverify() {
  local -a names=(
%s  )
  if (( CURRENT == 2 )); then
    _describe command names
    return
  fi
  shift words
  (( CURRENT-- ))
  case $words[1] in
%s  esac
}
if [[ $funcstack[1] == _jwtverify ]]; then
  _jwtverify "$@"
else
  compdef _jwtverify jwtverify
fi
`, names.String(), cases.String())
}

func fishCompletion(list []completed) string {
	out := "# Completion of jwtverify in fish: jwtverify completion fish | source\n"
	quote := func(text string) string {
		return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(text) + "'"
	}
	for _, c := range list {
		out += fmt.Sprintf("complete -c jwtverify -f -n __fish_use_subcommand -a %s -d %s\n", c.name, quote(c.about))
		behind := "complete -c jwtverify -n '__fish_seen_subcommand_from " + c.name + "'"
		for _, f := range c.flags {
			out += behind + " -l " + f.name
			if words := choices(f.value); words != nil {
				out += " -x -a " + quote(strings.Join(words, " "))
			} else if f.value != "" {
				out += " -r"
			}
			out += " -d " + quote(f.about) + "\n"
		}
		if words := choices(c.arguments); words != nil {
			out += behind + " -f -a " + quote(strings.Join(words, " ")) + "\n"
		}
	}
	return out
}
