package slotmesh

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/internal/balance/balancer"
	"github.com/slotmesh/slotmesh/internal/conf"
	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/internal/server"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// TimingConfig says which commands SLOWLOG shows, and what is recorded of the times that
// commands and other things take.
type TimingConfig struct {
	// SlowAfter is how long a command takes at least that SLOWLOG shows: time.Nanosecond is
	// every command. Default 10 ms; negative: none. In a configuration file it is
	// slowlog-log-slower-than, in microseconds, with 0 for every command and -1 for none.
	SlowAfter time.Duration
	// SlowLen is how many of them are kept. Default 128; negative: none.
	SlowLen int
	// MonitorFrom is how long something takes at least that LATENCY shows. Default: nothing is
	// shown. It makes the node read the clock for each command, as a SlowAfter below a
	// millisecond does.
	MonitorFrom time.Duration
	// NoTracking leaves out the distribution of times by commands: LATENCY HISTOGRAM, INFO
	// latencystats and CommandStats.Latency.
	NoTracking bool
	// Percentiles are those that INFO latencystats shows, 0 to 100. Default 50, 99 and 99.9.
	Percentiles []float64
}

var defaultPercentiles = []float64{50, 99, 99.9}

func (c *TimingConfig) validate() error {
	if c.MonitorFrom < 0 {
		return fmt.Errorf("slotmesh: Config.Timing.MonitorFrom is %v: use 0 for never", c.MonitorFrom)
	}
	for _, p := range c.Percentiles {
		if !(p >= 0 && p <= 100) {
			return fmt.Errorf("slotmesh: Config.Timing.Percentiles has %v: use 0 to 100", p)
		}
	}
	return nil
}

var slowAfter = conf.Number("slowlog-log-slower-than", "10000", -1,
	math.MaxInt64/int64(time.Microsecond)).Also("commandlog-execution-slower-than")

// slowAfterField is a time that is a nanosecond where the directive says 0, since its own 0
// is the default.
func slowAfterField(d *time.Duration) conf.Parsed {
	return conf.Parsed{
		Set: func(text string) {
			n, _ := strconv.ParseInt(text, 10, 64)
			if *d = time.Duration(n) * time.Microsecond; n == 0 {
				*d = time.Nanosecond
			}
		},
		Show: func() string {
			switch {
			case *d == 0:
				return slowAfter.Default
			case *d < 0:
				return "-1"
			}
			return strconv.FormatInt(d.Microseconds(), 10)
		},
	}
}

var shownPercentiles = conf.Directive{Name: "latency-tracking-info-percentiles", Kind: conf.List, Default: "50 99 99.9",
	Check: checkPercentiles, Canonical: canonicalPercentiles}

// checkPercentiles says of a value of latency-tracking-info-percentiles what Redis says.
func checkPercentiles(text string) error {
	for word := range strings.FieldsSeq(text) {
		switch p, err := strconv.ParseFloat(word, 64); {
		case err != nil:
			return errors.New("Invalid latency-tracking-info-percentiles parameters")
		case !(p >= 0 && p <= 100):
			return errors.New("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]")
		}
	}
	return nil
}

func canonicalPercentiles(text string) string {
	list := strings.Fields(text)
	for i, word := range list {
		p, _ := strconv.ParseFloat(word, 64) // checkPercentiles has seen it
		list[i] = strconv.FormatFloat(p, 'f', -1, 64)
	}
	return strings.Join(list, " ")
}

func percentiles(list *[]float64) conf.Parsed {
	return conf.Parsed{
		Set: func(text string) {
			*list = []float64{}
			for word := range strings.FieldsSeq(text) {
				p, _ := strconv.ParseFloat(word, 64)
				*list = append(*list, p)
			}
		},
		Show: func() string {
			shown := *list
			if shown == nil {
				shown = defaultPercentiles
			}
			return canonicalPercentiles(strings.Trim(fmt.Sprint(shown), "[]"))
		},
	}
}

// SlowEntry is a command that took long: [Node.SlowLog].
type SlowEntry struct {
	ID     int64     // numbers all entries since the start
	At     time.Time // when it had been carried out
	Took   time.Duration
	Args   []string // shortened: at most 32 of at most 128 bytes, and what was left out of them
	Client string   // its address
	Name   string   // that the client has given itself
}

// SlowLog returns the commands that took as long as Config.Timing says, the last one first:
// what SLOWLOG GET shows.
func (n *Node) SlowLog() (list []SlowEntry) {
	if n.server == nil {
		return nil
	}
	for _, e := range n.server.SlowLog() {
		list = append(list, SlowEntry(e))
	}
	return list
}

// CommandSpec describes a command of the host. The zero value is one that reads, whose
// first argument is its only key, and that takes any number of arguments after it.
type CommandSpec struct {
	// Write says that it may change data.
	Write bool
	// Arity is the number of arguments with the name, -n for at least n, as COMMAND shows
	// it. Default: at least as many as it takes to name a key.
	Arity int
	// FirstKey, LastKey and KeyStep say which arguments are keys, as COMMAND shows it: every
	// KeyStep-th from FirstKey to LastKey; a negative LastKey counts from the end. Default:
	// 1, FirstKey, 1. All keys must be of one slot.
	FirstKey, LastKey, KeyStep int
	// Summary is a sentence for COMMAND DOCS.
	Summary string
}

// Handler executes a command of the host, in a transaction on the slot of its keys: it
// touches only the keys that the spec names, must not wait for anything, and its writes
// happen all or, if it returns an error, not at all. args are what follows the command's
// name.
//
// In MULTI, and called by a script, it is a step of a longer transaction, which goes on
// after an error: there what it wrote before an error stays, as with the steps of Redis.
// A handler that may be used so checks first and writes then.
//
// reply is nil, [Status], string, []byte, int, int64, float64, bool, []string or []any of
// these. The error's text is the error reply, after "ERR " unless it begins with an
// upper-case code of its own.
type Handler func(tx Tx, args []string) (reply any, err error)

// Handle adds a command to those the node understands; call it before Start, on every
// node of the cluster. It is checked, routed, redirected, replicated and migrated like a
// built-in one, may be used in MULTI, and is reached from Redis clients as well as by
// [Node.Do] and [Local.Do]. The name is not case-sensitive.
//
// It returns an error, as [Node.RegisterFunc] does, for a name that is empty or taken
// ([ErrRegistered], or a built-in command), and for a nil fn; and after Start, since
// clients have been told by then which commands there are.
func (n *Node) Handle(name string, spec CommandSpec, fn Handler) error {
	if spec.FirstKey == 0 {
		spec.FirstKey = 1
	}
	if spec.LastKey == 0 {
		spec.LastKey = spec.FirstKey
	}
	if spec.KeyStep == 0 {
		spec.KeyStep = 1
	}
	if spec.Arity == 0 {
		spec.Arity = -(spec.FirstKey + 1)
	}
	e := server.Extension{
		Name: name, Arity: spec.Arity, First: spec.FirstKey, Last: spec.LastKey, Step: spec.KeyStep, Write: spec.Write,
		Summary: spec.Summary,
	}
	if fn != nil {
		e.Run = func(tx *keyspace.Tx, args [][]byte, out *resp.Writer) error {
			return runHandler(fn, &spec, tx, args, out)
		}
	}
	if err := e.Validate(); err != nil {
		return fmt.Errorf("slotmesh: Handle: %w", err)
	}
	return n.life.beforeStart("Handle", func() error {
		for i := range n.host.commands {
			if strings.EqualFold(n.host.commands[i].Name, name) {
				return fmt.Errorf("slotmesh: Handle: %w: %q: use another one", ErrRegistered, name)
			}
		}
		n.host.commands = append(n.host.commands, e)
		return nil
	})
}

// registered is what the host adds to a node.
type registered struct {
	commands []server.Extension // written before Start
	hooks    SlotHooks          // written before Start
	funcs    sync.Map           // string → Func
}

func runHandler(fn Handler, spec *CommandSpec, tx *keyspace.Tx, args [][]byte, out *resp.Writer) error {
	var keys [][]byte
	last := spec.LastKey
	if last < 0 {
		last += len(args)
	}
	for i := spec.FirstKey; i <= last && i < len(args); i += spec.KeyStep {
		keys = append(keys, args[i])
	}
	words := make([]string, len(args)-1)
	for i, arg := range args[1:] {
		words[i] = string(arg)
	}
	return client.RunTx(tx, slots.Of(keys[0]), keys, func(tx Tx) error {
		reply, err := fn(tx, words)
		if err != nil {
			return err
		}
		return appendValue(out, reply)
	})
}

// extensions are the host's commands and those that nodes use among themselves.
func (n *Node) extensions() []server.Extension {
	return append(n.host.commands[:len(n.host.commands):len(n.host.commands)], n.transactionCommands()...)
}

// ServeConn serves a Redis client on a connection that the host has accepted, and returns
// when it has ended: for hosts that share a port between protocols. It closes conn, at
// once if the node is not started or is closed.
func (n *Node) ServeConn(conn net.Conn) {
	if n.engine.Refused() != nil {
		conn.Close()
		return
	}
	n.server.ServeConn(conn)
}

// Status is a reply of a command that the Redis protocol shows without quotes, such as OK.
type Status string

// appendValue appends what a host's command returns as a reply: see [Handler].
func appendValue(w *resp.Writer, v any) error {
	switch v := v.(type) {
	case nil:
		w.Null()
	case Status:
		w.Simple(string(v))
	case string:
		w.BulkString(v)
	case []byte:
		w.Bulk(v)
	case int:
		w.Int(int64(v))
	case int64:
		w.Int(v)
	case float64:
		w.Double(v)
	case bool:
		w.Bool(v)
	case []string:
		w.Array(len(v))
		for _, s := range v {
			w.BulkString(s)
		}
	case []any:
		w.Array(len(v))
		for _, e := range v {
			if err := appendValue(w, e); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("ERR the command returned a %T: use nil, Status, string, []byte, int, int64, float64, bool, "+
			"[]string or []any", v)
	}
	return nil
}

// Func is a function of the host that runs at a key's owner: see [Node.RegisterFunc]. ctx
// ends when the caller gives up, or the node is closed.
type Func func(ctx context.Context, key string, arg []byte) (reply []byte, err error)

// RegisterFunc makes fn callable from every node, under a name, by [client.Router.Call].
// It runs at the node that owns the key's slot, on a goroutine of its own, outside the
// slot's lock: it may take its time, use the node's Router and ask other servers. All
// nodes should have the same.
//
// It returns an error, as [Node.Handle] does, for a name that is empty or taken
// ([ErrRegistered]), and for a nil fn. Call it before Start, so that no caller finds
// the function missing; what is made while the node runs, such as a cache of package
// cache, may register its functions then.
func (n *Node) RegisterFunc(name string, fn Func) error {
	switch {
	case name == balancer.Call:
		return fmt.Errorf("slotmesh: RegisterFunc: %w: %q: use another one", ErrRegistered, name)
	case name == "":
		return errors.New("slotmesh: RegisterFunc: the function has no name")
	case fn == nil:
		return fmt.Errorf("slotmesh: RegisterFunc: the function %q is nil", name)
	}
	if _, taken := n.host.funcs.LoadOrStore(name, fn); taken {
		return fmt.Errorf("slotmesh: RegisterFunc: %w: %q: use another one", ErrRegistered, name)
	}
	return nil
}

// ErrRegistered is matched by the error of RegisterFunc and Handle for a name that the
// host has used already.
var ErrRegistered = errors.New("the name is taken already")

// runFunc is called on a goroutine that may wait.
func (n *Node) runFunc(ctx context.Context, r *peer.Request) (reply []byte, err error) {
	if len(r.Args) != 2 {
		return nil, ReplyError(fmt.Sprintf("ERR function %q was called with %d arguments instead of a key and an argument",
			r.Func, len(r.Args)))
	}
	key := string(r.Args[0])
	if m := n.Map(); m != nil {
		if err := slots.Route(m, slots.Request{Slot: slots.OfString(key), Keys: 1, Write: true,
			Asking: r.Asking}); err != nil {
			return nil, err
		}
	}
	fn, ok := n.host.funcs.Load(r.Func)
	if !ok {
		return nil, &client.NoFuncError{Name: r.Func}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(n.life.ctx, cancel)()
	defer func() {
		if p := recover(); p != nil { // as for a command: a bug in one must not take the host down
			n.log.Error("a function panicked", "name", r.Func, "panic", p)
			reply, err = nil, ReplyError(fmt.Sprintf("ERR function %q panicked: %v", r.Func, p))
		}
	}()
	reply, err = fn.(Func)(ctx, key, r.Args[1])
	if err != nil && n.life.ctx.Err() != nil {
		return nil, &peer.Failure{Text: ErrClosed.Error(), Refused: true} // the caller tries the next owner
	}
	return reply, funcError(ctx, err)
}

// funcError gives a function's error the type that it has at other nodes, so that a caller
// finds the same wherever the function has run.
func funcError(ctx context.Context, err error) error {
	var moved *slots.MovedError
	var ask *slots.AskError
	if err == nil || ctx.Err() != nil || errors.As(err, &moved) || errors.As(err, &ask) {
		return err
	}
	return client.ParseError(client.ErrorText(err))
}
