package admin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/slotmesh/slotmesh/internal/rdb"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// Import says from where to bring keys into a cluster.
type Import struct {
	From                   string      // "host:port" of a server that is not in cluster mode
	FromUser, FromPassword string      // for that server; the cluster's are those of Config
	FromTLS                *tls.Config // the source is dialled over TLS; Config.TLS is for the cluster
	Copy                   bool        // leave the keys where they are
	Replace                bool        // overwrite keys that the cluster has already
	Pipeline               int         // keys per MIGRATE; default 100
	Timeout                time.Duration
}

const importPipeline = 100

// ImportError lists keys that could not be brought in; they are still where they were.
type ImportError struct {
	Done   int64
	Failed []KeyError
}

// KeyError is why one key could not be brought in.
type KeyError struct {
	Key string
	Err error
}

func (e *ImportError) Error() string {
	const most = 3
	var list []string
	for _, f := range e.Failed[:min(most, len(e.Failed))] {
		list = append(list, fmt.Sprintf("%q: %v", f.Key, f.Err))
	}
	return fmt.Sprintf("import: %d keys done, %d not (%s …); they are still at the source: see to the reasons and "+
		"repeat the command (--cluster-replace overwrites keys the cluster has)",
		e.Done, len(e.Failed), strings.Join(list, "; "))
}

// Import brings all keys of a standalone server's database 0 into the cluster, with their
// times to live. The source carries them over itself (MIGRATE), so it must reach the
// masters under the addresses the cluster tells. Single keys that cannot be brought in do
// not stop it; they make an *ImportError. Repeating an import continues it: keys that are
// in the cluster with the same value are done.
func (c *Client) Import(ctx context.Context, v *View, in Import) (keys int64, err error) {
	if err := Check(v).err(v.Nodes[0].Address); err != nil {
		return 0, err
	}
	if in.Pipeline <= 0 {
		in.Pipeline = importPipeline
	}
	cfg := c.cfg
	cfg.User, cfg.Password, cfg.TLS = in.FromUser, in.FromPassword, in.FromTLS
	source, err := New(cfg)
	if err != nil {
		return 0, err
	}
	defer source.Close()
	r := &importer{c: c, source: source, view: v, in: in, target: make(map[*Node]slots.Addr),
		o: MoveOptions{Timeout: in.Timeout}.withDefaults()}
	if err := r.inspect(ctx); err != nil {
		return 0, err
	}
	if err := r.run(ctx); err != nil {
		return r.t.p.Keys, &StepError{Verb: "import", Step: "moving keys from " + in.From, Err: err,
			Left: fmt.Sprintf("%d keys are in the cluster, the others at the source", r.t.p.Keys),
			Next: "the same command continues"}
	}
	r.t.report(true)
	if len(r.failed) > 0 {
		return r.t.p.Keys, &ImportError{r.t.p.Keys, r.failed}
	}
	return r.t.p.Keys, nil
}

type importer struct {
	c      *Client // of the cluster
	source *Client
	view   *View
	in     Import
	o      MoveOptions
	t      *tracker
	target map[*Node]slots.Addr // where the source dials the masters
	failed []KeyError
}

// inspect makes sure that the source is one.
func (r *importer) inspect(ctx context.Context) error {
	reply, err := r.source.do(ctx, r.in.From, "INFO")
	if err != nil {
		return err
	}
	if ParseFields(reply.Text())["cluster_enabled"] == "1" {
		return &NodeError{Node: r.in.From, Err: errors.New("the source of an import must not be in cluster mode; use " +
			"backup and restore between clusters")}
	}
	size, err := r.source.do(ctx, r.in.From, "DBSIZE")
	if err != nil {
		return err
	}
	r.t = &tracker{c: r.c, begin: time.Now()}
	r.t.p.TotalKeys = size.Int
	return nil
}

func (r *importer) run(ctx context.Context) error {
	return r.source.scan(ctx, r.in.From, func(keys []string) error {
		groups := make(map[*Node][]string)
		for _, key := range keys {
			owner := r.view.Owner(slots.OfString(key))
			groups[owner] = append(groups[owner], key)
		}
		for owner, keys := range groups {
			if err := r.findTarget(ctx, owner); err != nil {
				return err
			}
			for len(keys) > 0 {
				n := min(r.in.Pipeline, len(keys))
				if err := r.move(ctx, owner, keys[:n]); err != nil {
					return err
				}
				keys = keys[n:]
			}
		}
		return nil
	})
}

// findTarget finds out where the source dials a master.
func (r *importer) findTarget(ctx context.Context, to *Node) (err error) {
	if _, known := r.target[to]; !known {
		target := &migrateTarget{source: r.source, server: r.in.From, to: to, listed: to.Addr}
		r.target[to], err = target.find(ctx, r.c)
	}
	return err
}

// move sends keys to their owner. If that refuses, it tries them one by one, so that only
// those at fault stay behind.
func (r *importer) move(ctx context.Context, to *Node, keys []string) error {
	return r.send(ctx, to, keys, r.in.Replace)
}

func (r *importer) send(ctx context.Context, to *Node, keys []string, replace bool) error {
	if len(keys) == 0 {
		return nil
	}
	cmd := r.c.migrateCommand(r.target[to], r.o.Timeout, r.in.Copy, replace, keys)
	replies, err := r.source.pipeFor(ctx, 2*r.o.Timeout, r.in.From, [][]string{cmd})
	if err != nil {
		return err
	}
	err = replies[0].Err()
	alone := len(keys) == 1
	switch {
	case err == nil:
		r.t.add(0, int64(len(keys)))
		return nil
	case refused(err, "IOERR"):
		return fmt.Errorf("%s does not reach %s at %s: %w; see its log", r.in.From, to.Name(), r.target[to].Client(), err)
	case refused(err, "BUSYKEY"):
		var e error
		if keys, e = r.resolve(ctx, to, keys, err); e != nil {
			return e
		}
	}
	if alone && len(keys) > 0 {
		r.failed = append(r.failed, KeyError{keys[0], err})
		return nil
	}
	for i := range keys {
		if err := r.send(ctx, to, keys[i:i+1], replace); err != nil {
			return err
		}
	}
	return nil
}

// resolve sees to keys that both ends have, and returns the others. Those that are the
// same are no failure: an interrupted run has brought them, or this one with others of
// which one was in the way.
func (r *importer) resolve(ctx context.Context, to *Node, keys []string, busy error) (rest []string, err error) {
	commands := make([][]string, len(keys))
	for i, key := range keys {
		commands[i] = []string{"DUMP", key}
	}
	ours, err := r.source.pipe(ctx, r.in.From, commands)
	if err != nil {
		return nil, err
	}
	theirs, err := r.c.pipe(ctx, to.Address, commands)
	if err != nil {
		return nil, err
	}
	var same []string
	for i, key := range keys {
		a, b := &ours[i], &theirs[i]
		switch {
		case a.Kind != resp.Bulk || b.Kind != resp.Bulk:
			rest = append(rest, key)
		case rdb.Same(a.Str, b.Str):
			same = append(same, key)
		default:
			r.failed = append(r.failed, KeyError{key, busy})
		}
	}
	if r.in.Copy {
		r.t.add(0, int64(len(same)))
		return rest, nil
	}
	return rest, r.send(ctx, to, same, true)
}

// scan calls fn with all keys of a node, some at a time. A key that is there all the
// while is among them, perhaps more than once.
func (c *Client) scan(ctx context.Context, addr string, fn func(keys []string) error) error {
	const count = "1000"
	for cursor := "0"; ; {
		reply, err := c.do(ctx, addr, "SCAN", cursor, "COUNT", count)
		if err != nil {
			return err
		}
		if len(reply.Elems) != 2 {
			return &NodeError{addr, "SCAN", fmt.Errorf("the reply has %d parts, want 2", len(reply.Elems))}
		}
		var keys []string
		for i := range reply.Elems[1].Elems {
			keys = append(keys, string(reply.Elems[1].Elems[i].Str))
		}
		if len(keys) > 0 {
			if err := fn(keys); err != nil {
				return err
			}
		}
		if cursor = reply.Elems[0].Text(); cursor == "0" {
			return nil
		}
	}
}
