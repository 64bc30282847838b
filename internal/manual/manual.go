// Package manual is what a command line program says of itself: its help, what a shell can
// complete, its version, and guesses at what was meant. All of it comes from one table of
// commands and their flag sets, so that none of it goes out of date.
package manual

import (
	"flag"
	"fmt"
	"slices"
	"strings"

	"example.com/jwtverify/internal/screen"
)

const program = "jwtverify"

// A Command is a word behind the name of the program.
type Command struct {
	Name, Arguments, About string
	Text                   string        // examples, then what is to be known
	Flags                  *flag.FlagSet // the usage of one begins with its value, such as "`FILE`: where the keys are"
}

// Overview is the help of the program: a title, the commands, and a last paragraph.
func Overview(title string, commands []Command, last string, width int) string {
	text := reflowed(title, width) + "\n"
	for _, c := range commands {
		first, _, _ := strings.Cut(c.Text, "\n")
		text += labelled(strings.TrimSpace(program+" "+c.Name+" "+c.Arguments), c.About, 29, width)
		text += strings.Join(screen.Wrap("      example: "+strings.TrimSpace(first), width-2, 10), " \\\n") + "\n\n"
	}
	return text + reflowed(last, width)
}

// Help is what a command prints for -h.
func (c Command) Help(width int) string {
	synopsis, text := program+" "+c.Name, ""
	for _, known := range Flags(c.Flags) {
		value, about := known.Value, known.About
		if len(value) > 20 {
			value, about = "NAME", about+": "+strings.ReplaceAll(value, "|", ", ")
		}
		text += labelled(strings.TrimSpace("--"+known.Name+" "+value), about, 22, width)
	}
	if text != "" {
		synopsis, text = synopsis+" [flags]", "\n"+text
	}
	title := strings.TrimSpace(synopsis+" "+c.Arguments) + ": " + c.About
	return reflowed(title+"\n\n"+c.Text, width) + text
}

// A Flag is what is said of a flag.
type Flag struct {
	Name  string
	Value string // what is to be written, such as FILE, or GET|HEAD; empty: nothing
	About string
}

// Flags returns those of a set.
func Flags(set *flag.FlagSet) (list []Flag) {
	set.VisitAll(func(defined *flag.Flag) {
		value, about := flag.UnquoteUsage(defined)
		about = strings.TrimPrefix(about, value+": ")
		if defined.DefValue != "" && defined.DefValue != "false" {
			about += " (default " + defined.DefValue + ")"
		}
		list = append(list, Flag{defined.Name, value, about})
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
