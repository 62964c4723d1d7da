package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/admin"
)

func TestAdminUsage(t *testing.T) {
	for _, c := range []struct {
		args   string
		code   int
		stderr string
	}{
		{"check", exitUsage, "the address of a node is missing"},
		{"check nonsense", exitUsage, `"nonsense" is not host:port`},
		{"check 127.0.0.1:1 more", exitUsage, "one argument too many"},
		{"create 127.0.0.1:1 127.0.0.1:2", exitError, "at least 3 nodes"},
		{"reshard 127.0.0.1:1", exitUsage, "--cluster-to is missing"},
		{"reshard 127.0.0.1:1 --cluster-to x", exitUsage, "--cluster-slots is missing"},
		{"rebalance 127.0.0.1:1 --cluster-weight x", exitUsage, "node=weight"},
		{"rebalance 127.0.0.1:1 x=-1", exitUsage, "node=weight"},
		{"import 127.0.0.1:1", exitUsage, "--cluster-from is missing"},
		{"import dump.rdb", exitUsage, "--cluster-from is missing"},
		{"import dump.rdb 127.0.0.1:1 --follow 127.0.0.1:2", exitUsage, "give one"},
		{"import ./dir:1 127.0.0.1:1 --cluster-copy", exitUsage, "a file stays as it is"},
		{"import 127.0.0.1:1 --cluster-from 127.0.0.1:2 --skip-databases", exitUsage, "is for files"},
		{"import dump.rdb 127.0.0.1:1 more", exitUsage, "one argument too many"},
		{"import 127.0.0.1:1 --cut-over", exitUsage, "--cut-over is for --follow"},
		{"import 127.0.0.1:1 --cluster-from a:1 --follow b:1", exitUsage, "give one"},
		{"failover 127.0.0.1:1 --force --takeover", exitUsage, "exclude each other"},
		{"call 127.0.0.1:1", exitUsage, "a command is missing"},
		{"set-timeout 127.0.0.1:1 soon", exitUsage, "milliseconds"},
		{"top", exitUsage, "the address of a node is missing"},
		{"top 127.0.0.1:1 --sort size", exitUsage, "--sort \"size\" is none of address, "},
		{"top 127.0.0.1:1 --interval 10ms", exitUsage, "the least is 100ms"},
		{"top 127.0.0.1:1 -n -1", exitUsage, "-n is -1"},
		{"completion tcsh", exitUsage, "not bash, zsh or fish"},
		{"check --user me 127.0.0.1:1", exitUsage, "--user needs a password"},
		{"check --cacert ca.crt 127.0.0.1:1", exitUsage, "not --tls"},
		{"check --tls --cacert none.crt 127.0.0.1:1", exitError, `--cacert "none.crt": open none.crt: no such file`},
		{"check --tls --cert none.crt 127.0.0.1:1", exitError, "--key: the certificate of --cert needs its private key"},
	} {
		code, _, stderr := call(strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(stderr, c.stderr) {
			t.Errorf("slotmesh %s: exit code %d, want %d with %q on the standard error:\n%s", c.args, code, c.code, c.stderr,
				stderr)
		}
	}
}

// Flags may stand anywhere, except in somebody else's command.
func TestMixedArguments(t *testing.T) {
	parse := func(name, args string) string {
		t.Helper()
		v := findVerb(name)
		rest, err := v.parse(strings.Fields(args))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(rest, " ")
	}
	if got := parse("create", "a:1 --cluster-replicas 1 b:2 --cluster-yes c:3"); got != "a:1 b:2 c:3" {
		t.Errorf("create leaves %q", got)
	}
	if got := parse("call", "--cluster-only-masters a:1 set k v --json"); got != "a:1 set k v --json" {
		t.Errorf("call leaves %q", got)
	}
}

// refuser is a server outside cluster mode, as far as CLUSTER commands go.
// If cfg is not nil, it speaks TLS.
func refuser(t *testing.T, cfg *tls.Config) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if cfg != nil {
		ln = tls.NewListener(ln, cfg)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for in := bufio.NewReader(conn); ; {
					line, err := in.ReadString('\n')
					if err != nil {
						return
					}
					if strings.HasPrefix(line, "*") {
						io.WriteString(conn, "-ERR This instance has cluster support disabled\r\n")
					}
				}
			}()
		}
	}()
	return ln.Addr().String()
}

func TestCheckOfNoCluster(t *testing.T) {
	addr := refuser(t, nil)
	code, _, stderr := call("check", addr)
	if want := "[ERR] Node " + addr + " is not configured as a cluster node."; code != exitError ||
		!strings.Contains(stderr, want) {
		t.Errorf("exit code %d, want 1 with %q:\n%s", code, want, stderr)
	}
}

func TestConfirm(t *testing.T) {
	for in, want := range map[string]bool{"yes\n": true, "yes": true, "y\n": false, "": false, "no\n": false} {
		var out bytes.Buffer
		task := &task{in: strings.NewReader(in), out: output{&out, &out}}
		err := task.confirm(t.Context(), line("the plan"), "Really?")
		if (err == nil) != want || !strings.Contains(out.String(), "the plan\nReally? (type 'yes' to accept): ") {
			t.Errorf("answer %q: %v, printed %q", in, err, out.String())
		}
	}
	// Ctrl-C is heard while the question stands.
	in, keyboard := io.Pipe()
	defer keyboard.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	asked := &task{in: in, out: output{io.Discard, io.Discard}}
	if err := asked.confirm(ctx, line("the plan"), "Really?"); err == nil ||
		!strings.Contains(err.Error(), "nothing was changed") {
		t.Errorf("interrupted: %v", err)
	}
	task := &task{json: true, out: output{io.Discard, io.Discard}}
	if err := task.confirm(t.Context(), line("the plan"), "Really?"); err == nil ||
		!strings.Contains(err.Error(), "--yes") {
		t.Errorf("--json without --yes: %v", err)
	}
}

func TestProgressOnTerminalAndElsewhere(t *testing.T) {
	for _, terminal := range []bool{true, false} {
		var out bytes.Buffer
		p := newProgress(&out, false)
		p.terminal = terminal
		p.event(admin.Step{Node: "a:1", Text: "moving"})
		p.event(admin.Progress{Slots: 1, TotalSlots: 2})
		p.event(admin.Notice{Text: "slowly"})
		p.end()
		want := ">>> a:1: moving\n[WARNING] slowly\n"
		if terminal {
			want = ">>> a:1: moving\n" + eraseLine + "1/2 slots, 0 keys\n[WARNING] slowly\n"
		}
		if out.String() != want {
			t.Errorf("terminal %v: printed %q, want %q", terminal, out.String(), want)
		}
	}
}

func TestCompletion(t *testing.T) {
	for shell, wants := range map[string][]string{
		"bash": {"--cluster-replicas", "del-node"},
		"zsh": {"'del-node:Remove a node\\: all forget it, it is reset and shut down.'",
			"'*--cluster-replicas[number of replicas for each master]:number:'",
			"'*--yes[do not ask, act]'", "'*-a["},
		"fish": {"-a del-node -d 'Remove a node: all", "-l cluster-replicas -r -d 'number of replicas for each master'",
			"-l yes -d 'do not ask, act'", "-s a -r -d "},
	} {
		code, stdout, stderr := call("completion", shell)
		for _, want := range wants {
			if code != exitOK || !strings.Contains(stdout, want) {
				t.Errorf("%s: exit code %d, %s, no %q in\n%s", shell, code, stderr, want, stdout)
			}
		}
	}
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash is not installed")
	}
	_, script, _ := call("completion", "bash")
	for words, want := range map[string]string{
		"slotmesh resh":                      "reshard",
		"slotmesh create a:1 --cluster-repl": "--cluster-replicas",
		"slotmesh help wh":                   "why",
		"slotmesh completion z":              "zsh",
	} {
		n := len(strings.Fields(words)) - 1
		cmd := exec.Command(bash, "-c", script+fmt.Sprintf("\nCOMP_WORDS=(%s); COMP_CWORD=%d; _slotmesh; echo "+
			"${COMPREPLY[@]}", words, n))
		out, err := cmd.CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("%q completes to %q, %v; want %q", words, out, err, want)
		}
	}
}

func TestJSONOfReport(t *testing.T) {
	data, err := json.Marshal(admin.Report{{Problem: admin.Uncovered, Text: "no owner"}})
	if want := `[{"problem":"uncovered","warning":false,"text":"no owner"}]`; err != nil || string(data) != want {
		t.Errorf("got %s, %v; want %s", data, err, want)
	}
}
