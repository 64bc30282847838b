package manual

import (
	"slices"
	"strings"
)

// Script returns what completes in a shell, empty if that is none of bash, zsh and fish. It
// asks the program for Candidates, takes what stands before two spaces for the word, and
// completes the names of files where there is no candidate.
func Script(shell string) string {
	return map[string]string{
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
	}[shell]
}

// Candidates are the words that can stand in the place of the last, a line each, with what
// they mean.
func Candidates(commands []Command, words []string) (lines string) {
	behind, begun := words[:len(words)-1], words[len(words)-1]
	offer := func(word, about string) {
		if strings.HasPrefix(word, begun) {
			lines += strings.TrimRight(word+"  "+about, " ") + "\n"
		}
	}
	if len(behind) == 0 {
		for _, c := range commands {
			offer(c.Name, c.About)
		}
		return lines
	}
	at := slices.IndexFunc(commands, func(c Command) bool { return c.Name == behind[0] })
	if at < 0 {
		return ""
	}
	value, flags := commands[at].Arguments, Flags(commands[at].Flags)
	for _, known := range flags {
		if behind[len(behind)-1] == "--"+known.Name && known.Value != "" {
			value = known.Value
		}
	}
	switch {
	case strings.HasPrefix(begun, "-"):
		for _, known := range flags {
			offer("--"+known.Name, known.About)
		}
		offer("--help", "the help")
	case value == "[COMMAND]":
		return Candidates(commands, []string{begun})
	case strings.Contains(value, "|"):
		for word := range strings.SplitSeq(value, "|") {
			offer(word, "")
		}
	}
	return lines
}
