package main

import (
	"errors"
	"fmt"
	"strings"

	"example.com/jwtverify/internal/screen"
)

const completionUsage = `  jwtverify completion bash

Prints a script that completes commands, flags, their values and file names. To load it
in bash and zsh: source <(jwtverify completion bash); in fish: jwtverify completion fish |
source. The script asks jwtverify completion bash -- WORD… what can stand there.
`

// completion is the command of that name.
func (s *session) completion(f *flags) func() (int, error) {
	return func() (int, error) {
		switch {
		case len(f.args) == 0:
			return 0, errors.New("want bash, zsh or fish")
		case completionScripts[f.args[0]] == "":
			return 0, fmt.Errorf("got %s, want bash, zsh or fish", screen.Quoted(f.args[0]))
		case len(f.args) == 1:
			return s.print(completionScripts[f.args[0]]), nil
		}
		return s.print(s.candidates(f.args[1:])), nil
	}
}

// The scripts take what stands before two spaces for the word, and complete the names of
// files where no word is to be had.
var completionScripts = map[string]string{
	"bash": `_jwtverify() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    COMPREPLY+=("${line%%  *}")
  done < <("$1" completion bash -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _jwtverify jwtverify
`,
	"zsh": `#compdef jwtverify
_jwtverify() {
  local -a found
  found=(${(f)"$(${words[1]} completion zsh -- "${(@)words[2,CURRENT]}" 2>/dev/null)"})
  found=("${(@)${(@)found//:/\\:}/  /:}")
  (( $#found )) && _describe jwtverify found || _files
}
if [[ $funcstack[1] == _jwtverify ]]; then
  _jwtverify "$@"
else
  compdef _jwtverify jwtverify
fi
`,
	"fish": `function __jwtverify
  set -l words (commandline -opc) (commandline -ct)
  set -l found ($words[1] completion fish -- $words[2..] 2>/dev/null)
  if test (count $found) -gt 0
    string replace -r '  ' \t -- $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c jwtverify -f -a '(__jwtverify)'
`,
}

// candidates are the words that can stand in the place of the last, a line each, with what
// they mean.
func (s *session) candidates(words []string) (lines string) {
	behind, begun := words[:len(words)-1], words[len(words)-1]
	offer := func(word, about string) {
		if strings.HasPrefix(word, begun) {
			lines += strings.TrimRight(word+"  "+about, " ") + "\n"
		}
	}
	if len(behind) == 0 {
		for _, c := range commands() {
			offer(c.name, c.about)
		}
		return lines
	}
	c, f, err := s.prepared(behind[0])
	if err != nil {
		return ""
	}
	value := c.arguments
	for _, known := range f.known() {
		if behind[len(behind)-1] == "--"+known.name && known.value != "" {
			value = known.value
		}
	}
	switch {
	case strings.HasPrefix(begun, "-"):
		for _, known := range f.known() {
			offer("--"+known.name, known.about)
		}
		offer("--help", "the help")
	case value == "[COMMAND]":
		return s.candidates([]string{begun})
	case strings.Contains(value, "|"):
		for word := range strings.SplitSeq(value, "|") {
			offer(word, "")
		}
	}
	return lines
}
