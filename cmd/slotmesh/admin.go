package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/slotmesh/slotmesh/admin"
)

// adminVerbs are the verbs of administration; questions are answered on in.
func adminVerbs(in io.Reader) []*verb {
	var list []*verb
	for _, make := range []func(*task) *verb{
		createVerb, checkVerb, infoVerb, whyVerb, fixVerb, reshardVerb, rebalanceVerb, balanceVerb, drainVerb, addNodeVerb,
		delNodeVerb,
		replicateVerb, failoverVerb, callVerb, setTimeoutVerb, importVerb, backupVerb, restoreVerb, topVerb,
	} {
		list = append(list, make(&task{in: in}))
	}
	return append(list, completionVerb())
}

// passwordVariable is where the password comes from if no flag gives one: flags
// are visible to everybody who lists processes. Where it is not set, that of redis-cli is
// taken.
const (
	passwordVariable = "SLOTMESH_PASSWORD"
	redisVariable    = "REDISCLI_AUTH"
)

// task is what all verbs of administration have in common.
type task struct {
	in             io.Reader
	user, password string
	tls            tlsFlags
	yes, json      bool

	out    output
	client *admin.Client
	show   *progress
}

// common declares the flags that every one of these verbs has.
func (t *task) common(f *flag.FlagSet) {
	f.StringVar(&t.user, "user", "", "`name` for AUTH; the default user without it")
	f.StringVar(&t.password, "password", "", "`password` for AUTH; better given in the variable "+passwordVariable)
	f.StringVar(&t.password, "a", "", "the same as --`password`, as redis-cli has it")
	f.StringVar(&t.password, "pass", "", "the same as --`password`, as redis-cli has it")
	t.tls.declare(f)
	f.BoolVar(&t.yes, "cluster-yes", false, "do not ask, act; every verb takes it, as redis-cli does")
	f.BoolVar(&t.json, "json", false, "print the result as JSON, and nothing else, on the standard output")
}

// asking declares the flags of a verb that shows a plan and asks before it acts.
func (t *task) asking(f *flag.FlagSet) {
	t.common(f)
	f.BoolVar(&t.yes, "yes", false, "do not ask, act")
}

// run wraps what a verb does with a client.
func (t *task) run(do func(ctx context.Context, args []string) error) func(context.Context, output, []string) error {
	return func(ctx context.Context, out output, args []string) error {
		t.out = out
		if t.password == "" {
			t.password = cmp.Or(os.Getenv(passwordVariable), os.Getenv(redisVariable))
		}
		if t.user != "" && t.password == "" {
			return usagef("--user needs a password: give --password or the variable %s", passwordVariable)
		}
		cluster, _, err := t.tls.configs()
		if err != nil {
			return err
		}
		t.show = newProgress(out.stderr, t.json)
		t.client, err = admin.New(admin.Config{User: t.user, Password: t.password, TLS: cluster, OnEvent: t.show.event,
			Journal: admin.JournalDir(journalDir())})
		if err != nil {
			return err
		}
		defer t.client.Close()
		err = do(ctx, args)
		t.show.end()
		var node *admin.NodeError
		if errors.Is(err, admin.ErrNotCluster) && errors.As(err, &node) {
			return errors.New("[ERR] Node " + node.Node + " is not configured as a cluster node.") // as redis-cli says it
		}
		return err
	}
}

// journalDir is where interrupted work is remembered.
func journalDir() string {
	base, err := os.UserCacheDir()
	if err != nil {
		base = filepath.Join(os.TempDir(), "slotmesh-"+strconv.Itoa(os.Getuid()))
	}
	return filepath.Join(base, "slotmesh", "journal")
}

// address takes "host:port", or "host" and "port", from the front of args.
func address(args []string) (addr string, rest []string, err error) {
	if len(args) == 0 {
		return "", nil, usagef("the address of a node is missing: host:port")
	}
	if _, _, err := net.SplitHostPort(args[0]); err == nil {
		return args[0], args[1:], nil
	}
	if len(args) > 1 {
		if _, err := strconv.ParseUint(args[1], 10, 16); err == nil {
			return net.JoinHostPort(args[0], args[1]), args[2:], nil
		}
	}
	return "", nil, usagef("%q is not host:port", args[0])
}

// view takes an address from the front of args and looks at the cluster there.
func (t *task) view(ctx context.Context, args []string, more int) (*admin.View, []string, error) {
	addr, rest, err := address(args)
	if err != nil {
		return nil, nil, err
	}
	if len(rest) > more {
		return nil, nil, usagef("%q is one argument too many", rest[more])
	}
	v, err := t.client.View(ctx, addr)
	return v, rest, err
}

// agreed is view for verbs that move slots.
func (t *task) agreed(ctx context.Context, args []string, more int) (*admin.View, []string, error) {
	v, rest, err := t.view(ctx, args, more)
	if err == nil {
		v, err = t.client.WaitAgreed(ctx, v)
	}
	return v, rest, err
}

// confirm shows a plan and asks whether to carry it out. Ctrl-C is an answer, too.
func (t *task) confirm(ctx context.Context, plan fmt.Stringer, question string) error {
	if !t.json {
		fmt.Fprint(t.out.stdout, plan)
	}
	if t.yes {
		return nil
	}
	if t.json {
		return usagef("--json asks nothing: give --yes too")
	}
	fmt.Fprintf(t.out.stdout, "%s (type 'yes' to accept): ", question)
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(t.in).ReadString('\n') // the end of the input is a no
		answer <- line
	}()
	select {
	case line := <-answer:
		if strings.TrimSpace(line) == "yes" {
			return nil
		}
		if !strings.HasSuffix(line, "\n") {
			fmt.Fprintln(t.out.stdout)
		}
	case <-ctx.Done():
		fmt.Fprintln(t.out.stdout)
	}
	return errors.New("not confirmed: nothing was changed")
}

// say prints a line for people.
func (t *task) say(format string, args ...any) {
	if !t.json {
		t.show.end()
		fmt.Fprintf(t.out.stdout, format+"\n", args...)
	}
}

// result prints what came out: value as JSON, or text.
func (t *task) result(value any, text fmt.Stringer) error {
	t.show.end()
	if !t.json {
		_, err := fmt.Fprint(t.out.stdout, text)
		return err
	}
	e := json.NewEncoder(t.out.stdout)
	e.SetIndent("", "  ")
	return e.Encode(value)
}

// done ends a verb that changed something.
func (t *task) done(value any, format string, args ...any) error {
	return t.result(value, line(fmt.Sprintf(format, args...)))
}

type line string

func (l line) String() string { return string(l) + "\n" }
