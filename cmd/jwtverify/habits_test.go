package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"example.com/jwtverify/internal/diagnosis"
)

// asCommand makes of this test binary the command itself.
const asCommand = "JWTVERIFY_TEST_AS_COMMAND"

// process is a run of the command as a process of its own.
func process(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	return program(t, os.Args[0], args...)
}

// program is a run of another program, to which the command is this test binary.
func program(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("there are no signals and no sh")
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip(err)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Env = append(os.Environ(), asCommand+"=1", "GOCOVERDIR="+t.TempDir())
	return cmd
}

func TestCtrlCEndsWith130(t *testing.T) {
	f := newFixture(t)
	for _, test := range []struct {
		name string
		args []string
		says string // once it is at work
	}{
		{"a server", []string{"issuer", "--listen", "127.0.0.1:0"}, "issuer http://"},
		{"a command that reads", f.flags("--lines"), `{"id":1,`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cmd := process(t, test.args...)
			stdin, inErr := cmd.StdinPipe()
			stdout, outErr := cmd.StdoutPipe()
			if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
				t.Fatal(err)
			}
			io.WriteString(stdin, "x\n")
			line, err := bufio.NewReader(stdout).ReadString('\n')
			if !strings.HasPrefix(line, test.says) {
				t.Fatalf("it says %q, %v", line, err)
			}
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			cmd.Wait()
			// To a shell both are 130.
			status := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if status.ExitStatus() != 130 && !(status.Signaled() && status.Signal() == os.Interrupt) {
				t.Errorf("it ends with %v", cmd.ProcessState)
			}
		})
	}
}

func TestAClosedStdinIsNoTerminal(t *testing.T) {
	t.Parallel()
	for name, redirection := range map[string]string{"closed": "<&-", "nothing": "</dev/null"} {
		cmd := program(t, "sh", "-c", os.Args[0]+" explain --issuer https://a.test --audience a "+redirection)
		output, _ := cmd.CombinedOutput()
		if !strings.Contains(string(output), "found     nothing") || cmd.ProcessState.ExitCode() != int(none) {
			t.Errorf("stdin is %s: exit %d and %s", name, cmd.ProcessState.ExitCode(), output)
		}
	}
}

// What the scripts complete, each asked in its own shell.
func TestCompletion(t *testing.T) {
	for shell, script := range map[string]string{
		"bash": `source <(jwtverify completion bash)
try() { COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _jwtverify jwtverify; echo "${COMPREPLY[*]}"; }`,
		"fish": `jwtverify completion fish | source
function try; echo (complete -C (string join ' ' -- $argv) | string replace -r '\t.*' ''); end`,
		"zsh": `compdef() { :; }
source <(jwtverify completion zsh)
_describe() { print -r -- ${found%%:*}; }
_files() { print; }
try() { words=("$@"); CURRENT=$#; _jwtverify; }`,
	} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			// The script names the command, which is this binary here.
			bin := t.TempDir()
			if err := os.Symlink(os.Args[0], bin+"/jwtverify"); err != nil {
				t.Skip(err)
			}
			var want string
			for _, test := range [][2]string{
				{"jwtverify ver", "verify version"},
				{"jwtverify probe --me", "--method"},
				{"jwtverify probe --method ''", "GET HEAD"},
				{"jwtverify issuer --fault status-4", "status-404 status-429"},
				{"jwtverify completion ''", "bash fish zsh"},
				{"jwtverify help di", "discover"},
				{"jwtverify verify --token-file /nothing/here", ""},
				{"jwtverify nothing ''", ""},
			} {
				script += "\ntry " + test[0]
				want += test[1] + "\n"
			}
			cmd := program(t, shell, "-c", script)
			cmd.Dir = t.TempDir()
			cmd.Env = append(cmd.Env, "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+cmd.Dir)
			output, err := cmd.CombinedOutput()
			if got := strings.ReplaceAll(string(output), "bash zsh fish", "bash fish zsh"); got != want || err != nil {
				t.Errorf("got %s(%v), want %s", output, err, want)
			}
		})
	}
}

func TestCompletionKnowsEveryFlag(t *testing.T) {
	f := newFixture(t)
	names := f.run(t, nil, nil, "completion", "bash", "--", "").stdout
	for _, c := range commands() {
		if !strings.Contains(names, c.name+"  "+c.about+"\n") {
			t.Errorf("%s is not among %s", c.name, names)
		}
		flags := f.run(t, nil, nil, "completion", "bash", "--", c.name, "--").stdout
		help := f.run(t, nil, nil, "help", c.name).stdout
		for _, flag := range regexp.MustCompile(`(?m)^  (--[a-z-]+)`).FindAllStringSubmatch(help, -1) {
			if !strings.Contains(flags, flag[1]+"  ") {
				t.Errorf("%s %s is not among %s", c.name, flag[1], flags)
			}
		}
	}
	for _, args := range [][]string{{"completion"}, {"completion", "tcsh"}, {"completion", "tcsh", "--", "ver"}} {
		f.run(t, nil, nil, args...).check(t, none, "", "want bash, zsh or fish")
	}
}

func TestVersion(t *testing.T) {
	f := newFixture(t)
	for _, args := range [][]string{{"version"}, {"--version"}, {"-version"}} {
		got := f.run(t, nil, nil, args...)
		if got.code != 0 || got.stderr != "" || !regexp.MustCompile(`^jwtverify \S*.*, `+regexp.QuoteMeta(runtime.Version())).MatchString(got.stdout) {
			t.Errorf("%v: got %q", args, got)
		}
	}
}

// The examples of the help have one host for the issuer and one for the API, as the other
// documents have; a domain of AuthAction has AuthAction's form.
func TestExamplesHaveTheHostsOfTheDocuments(t *testing.T) {
	text := newFixture(t).run(t, nil, nil, "help").stdout
	for _, c := range commands() {
		text += newFixture(t).run(t, nil, nil, "help", c.name).stdout
	}
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	comment, _, _ := strings.Cut(string(source), "\npackage main")
	known := []string{"https://tenant.example.com", "https://api.example.com", "http://127.0.0.1:8180", "http://127.0.0.1:8000", "https://D", "AUTHACTION_DOMAIN=acme.eu.authaction.com", "AUTHACTION_DOMAIN=D"}
	found := regexp.MustCompile(`https?://[\w.:-]+|AUTHACTION_DOMAIN=\S+`).FindAllString(text+comment, -1)
	for _, host := range found {
		if !slices.Contains(known, host) {
			t.Errorf("an example names %s", host)
		}
	}
	if len(found) < 20 {
		t.Errorf("found %q alone", found)
	}
}

// The five items of explain have one set of names: in its output, its help and the page.
func TestItemsHaveTheSameNamesEverywhere(t *testing.T) {
	page, err := os.ReadFile("../../docs/command.md")
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Join(itemNames[1:5], ", ") + " and " + itemNames[5]
	for where, text := range map[string]string{"docs/command.md": string(page), "the help": newFixture(t).run(t, nil, nil, "explain", "-h").stdout} {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), names) {
			t.Errorf("%s does not name the items %s", where, names)
		}
	}
}

// Who passes --issuer has no domain.
func TestNoIssuerIsNoDomain(t *testing.T) {
	text := newFixture(t).run(t, nil, strings.NewReader("x.y.z"), "verify", "--audience", testAudience).stderr + diagnosis.Of("config-domain-missing").When
	if rest := strings.NewReplacer("config-domain-missing", "", "AUTHACTION_DOMAIN", "").Replace(text); strings.Contains(rest, "domain") {
		t.Errorf("where there is no issuer, a domain is missing: %s", rest)
	}
}
