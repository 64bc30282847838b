package main

import (
	"flag"
	"fmt"
	"slices"
	"strings"

	"example.com/jwtverify/internal/screen"
)

// Parts of the usage texts that several commands share.

const tokenUsage = `The token is TOKEN, or stdin (also as "-"), or --token-file. Prefer stdin: an argument
shows in the list of processes.

`

const domainUsage = `ISSUER, AUDIENCE and JWKS_URL stand for the flags, in the environment or the env file.
AUTHACTION_DOMAIN=D means issuer https://D and keys https://D/.well-known/jwks.json.

`

const verdictUsage = `Exit codes: 0 accepted, 1 rejected, 2 nothing was checked, 3 undetermined.
`

// usage is what jwtverify help prints.
func usage(width int) string {
	text := reflowed("jwtverify verifies RS256 JWT access tokens.\n", width) + "\n"
	for _, c := range commands() {
		first, _, _ := strings.Cut(c.usage, "\n")
		text += labelled(strings.TrimSpace("jwtverify "+c.name+" "+c.arguments), c.about, 29, width)
		text += strings.Join(screen.Wrap("      example: "+strings.TrimSpace(first), width-2, 10), " \\\n") + "\n\n"
	}
	return text + reflowed(`Exit codes: 0 accepted, 1 rejected, 2 nothing was checked (usage, settings), 3
undetermined (the issuer's keys are unavailable: keep the token, try again). Ctrl-C ends
with 130. Each command shows its flags with -h.
`, width)
}

// help is what a command prints for -h.
func (c command) help(f *flags, width int) string {
	synopsis, text := "jwtverify "+c.name, ""
	for _, known := range f.known() {
		value, about := known.value, known.about
		if len(value) > 20 {
			value, about = "NAME", about+": "+strings.ReplaceAll(value, "|", ", ")
		}
		text += labelled(strings.TrimSpace("--"+known.name+" "+value), about, 22, width)
	}
	if text != "" {
		synopsis, text = synopsis+" [flags]", "\n"+text
	}
	title := strings.TrimSpace(synopsis+" "+c.arguments) + ": " + c.about
	return reflowed(title+"\n\n"+c.usage, width) + text
}

// A knownFlag is what help and completion tell of a flag.
type knownFlag struct {
	name  string
	value string // what is to be written, such as FILE, or GET|HEAD; empty: nothing
	about string
}

func (f *flags) known() (list []knownFlag) {
	f.set.VisitAll(func(defined *flag.Flag) {
		value, about := flag.UnquoteUsage(defined)
		about = strings.TrimPrefix(about, value+": ")
		if defined.DefValue != "" && defined.DefValue != "false" {
			about += " (default " + defined.DefValue + ")"
		}
		list = append(list, knownFlag{defined.Name, value, about})
	})
	return list
}

// labelled is a text beside its label, or below where there is no room.
func labelled(label, text string, indent, width int) string {
	if width < 2*indent {
		indent = 6
	}
	lines := screen.Wrap(fmt.Sprintf("%-*s%s", indent, "  "+label, text), width, indent)
	if len(label)+4 > indent {
		lines = append([]string{"  " + label}, screen.Wrap(strings.Repeat(" ", indent)+text, width, indent)...)
	}
	return strings.Join(lines, "\n") + "\n"
}

// reflowed breaks the lines of each paragraph anew. Commands stay such: what goes on in the
// next line has a backslash before.
func reflowed(text string, width int) string {
	var out []string
	paragraph := ""
	for _, line := range slices.Concat(strings.Split(strings.TrimSuffix(text, "\n"), "\n"), []string{""}) {
		command := strings.HasPrefix(line, "  ")
		if line != "" && !command {
			paragraph += line + " "
			continue
		}
		if paragraph != "" {
			out = append(out, screen.Wrap(paragraph, width, 0)...)
		}
		if paragraph = ""; command {
			out = append(out, strings.Join(screen.Wrap(line, width-2, 6), " \\\n"))
		} else {
			out = append(out, "")
		}
	}
	return strings.Join(out[:len(out)-1], "\n") + "\n"
}
