package admin

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/internal/follow"
	"github.com/slotmesh/slotmesh/internal/follow/follower"
	"github.com/slotmesh/slotmesh/internal/tlsdial"
)

// Follow says which server to follow live into a cluster.
type Follow struct {
	From                   string      // "host:port" of a Redis that is not in cluster mode
	FromUser, FromPassword string      // for that server; the cluster's are those of Config
	FromTLS                *tls.Config // the source is dialled over TLS; Config.TLS is for the cluster
	// Replace lets the cluster have keys beforehand; those that the source has, too, are
	// overwritten.
	Replace bool
	// CutOver ends the following as soon as the cluster is in step: the source is told to
	// pause writes (CLIENT PAUSE … WRITE) for Pause, and Follow returns when the cluster has
	// all that was written before.
	CutOver bool
	Pause   time.Duration // default 1 minute
}

// FollowResult is what was brought in when Follow ends.
type FollowResult struct {
	Keys      int64 `json:"keys"`       // of snapshots
	Bytes     int64 `json:"bytes"`      // of snapshots, and of the stream
	Commands  int64 `json:"commands"`   // carried out at the cluster
	Fetched   int64 `json:"fetched"`    // keys that were read from the source anew, as commands could not be divided
	Ignored   int64 `json:"ignored"`    // commands on databases other than 0
	Refused   int64 `json:"refused"`    // keys that no cluster can take over: of modules, or too large
	FullSyncs int   `json:"full_syncs"` // 1, if the link was never lost for long
	Resumed   int   `json:"resumed"`    // links that went on where the last had ended
	Behind    int64 `json:"behind"`     // bytes of the stream that the cluster does not have
}

// FollowProgress is how far a Follow is; it is told about once a second.
type FollowProgress struct {
	FollowResult
	State    string        // "connecting", "sync", "connected" or "connect"
	Loading  bool          // a snapshot is being brought in
	SyncSize int64         // its bytes, -1 if the source does not know them
	SyncRead int64         // of these, read
	Lag      time.Duration // the source was where the cluster is longer ago than this
	InStep   bool          // the cluster has all that the source had when last asked, a second ago
	Elapsed  time.Duration
}

func (FollowProgress) event() {}

// String prints the progress as one line.
func (p FollowProgress) String() string {
	text := fmt.Sprintf("%s, %d keys, %s", p.State, p.Keys, FormatBytes(p.Bytes))
	if p.Loading {
		text += ", snapshot " + FormatBytes(p.SyncRead)
		if p.SyncSize > 0 {
			text += " of " + FormatBytes(p.SyncSize)
		}
		return text
	}
	return text + fmt.Sprintf(", %d commands, %s behind (%v)", p.Commands, FormatBytes(p.Behind),
		p.Lag.Round(time.Millisecond))
}

const defaultPause = time.Minute

// Follow brings the data of a running Redis 5 to 7 (or of a standalone node) into a
// cluster and keeps it up to date, as a replica of that server does: a snapshot, then the
// stream of its commands. It goes on until ctx ends, which is no error once the cluster
// had all; or with Follow.CutOver until the move is done.
//
// Only database 0 is taken; a cluster has no other. Commands on keys of one slot are
// carried out as they are, transactions on several slots once per slot. Of commands on keys of
// several slots, those that are no more than one command per key are divided; for any other,
// the keys that it has changed are read from the source anew, with the offset that they
// are of. So the cluster may be ahead of the stream in some keys, and is exact when it has
// caught up. A link that is lost is resumed where it ended; if the source cannot (its
// repl-backlog-size), and the cluster was empty at first, everything is brought in again.
func (c *Client) Follow(ctx context.Context, v *View, f Follow) (FollowResult, error) {
	if err := Check(v).err(v.Nodes[0].Address); err != nil {
		return FollowResult{}, err
	}
	f.Pause = cmp.Or(f.Pause, defaultPause)
	cfg := c.cfg
	cfg.User, cfg.Password, cfg.TLS = f.FromUser, f.FromPassword, f.FromTLS
	source, err := New(cfg)
	if err != nil {
		return FollowResult{}, err
	}
	defer source.Close()
	r := &followRun{c: c, source: source, f: f, begin: time.Now()}
	if err := r.inspect(ctx); err != nil {
		return FollowResult{}, err
	}
	r.target = newFollowTarget(c, source, f.From, v)
	if err := r.target.inspect(ctx, f.Replace); err != nil {
		return FollowResult{}, err
	}
	err = r.run(ctx)
	result := r.progress(time.Now()).FollowResult
	if err == nil {
		return result, nil
	}
	return result, &StepError{Verb: "import", Step: "following " + f.From, Err: err,
		Left: "the source has all its data and knows nothing of the cluster; the cluster has a part of it",
		Next: "empty the cluster (slotmesh call HOST:PORT flushall), then the same command"}
}

// followRun is one Follow under way.
type followRun struct {
	c, source *Client
	f         Follow
	begin     time.Time
	target    *followTarget
	follower  *follower.Follower

	mu     sync.Mutex // guards the rest
	marks  []mark     // places in the source's stream that the cluster has not reached, the oldest first
	offset int64      // of the source, when last asked
	lag    time.Duration
	known  bool // offset was asked for
	inStep bool // what it was the time before is in the cluster
}

// mark is where the source was at a time.
type mark struct {
	offset int64
	at     time.Time
}

// inspect makes sure that the source is one.
func (r *followRun) inspect(ctx context.Context) error {
	reply, err := r.source.do(ctx, r.f.From, "INFO")
	if err != nil {
		return err
	}
	info := ParseFields(reply.Text())
	if info["cluster_enabled"] == "1" {
		return &NodeError{Node: r.f.From, Err: errors.New("the source of an import must not be in cluster mode; use " +
			"backup and restore between clusters")}
	}
	for name := range info {
		if db, ok := strings.CutPrefix(name, "db"); ok && db != "0" {
			if _, err := strconv.Atoi(db); err == nil {
				r.c.notice(r.f.From, "database %s has keys (%s); a cluster has only database 0, they are left out", db, info[name])
			}
		}
	}
	return nil
}

func (r *followRun) dial(ctx context.Context) (net.Conn, error) {
	return tlsdial.Dial(ctx, r.source.cfg.Dial, r.f.From, r.f.FromTLS)
}

// run follows until the end that Follow describes.
func (r *followRun) run(ctx context.Context) error {
	r.follower = follower.New(follower.Config{Dial: r.dial, Target: r.target, Changed: r.tellChange(),
		Link: func() follow.Config { return follow.Config{User: r.f.FromUser, Password: r.f.FromPassword} },
	}, follow.Position{})
	running, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- r.follower.Run(running)
		close(ended)
	}()
	err := r.watch(ctx, ended)
	cancel()
	for range ended { // Run is at its end behind it
	}
	if err != errFollowed {
		return err
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), finalCheck)
	defer cancel()
	return r.target.finish(last)
}

// errFollowed ends a Follow that has reached its end.
var errFollowed = errors.New("followed to the end")

// tellChange returns what tells steps of the link.
func (r *followRun) tellChange() func() {
	var mu sync.Mutex
	var last follower.Status
	return func() {
		s := r.follower.Status()
		mu.Lock()
		defer mu.Unlock()
		switch {
		case s.Full > last.Full:
			r.c.step(r.f.From, "a full sync begins")
		case s.Partial > last.Partial:
			r.c.step(r.f.From, "the link goes on where it had ended")
		case s.Err != nil && (last.Err == nil || last.Err.Error() != s.Err.Error()):
			r.c.notice(r.f.From, "the link is down: %v; it is dialled again", s.Err)
		}
		last = s
	}
}
