package slotmesh

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slotmesh/slotmesh/internal/clusterproto"
	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// clientTransport is how a Client gets at the nodes. It learns who owns what from CLUSTER
// SLOTS, and from redirects.
type clientTransport struct {
	cfg      DialConfig
	seeds    []endpoint // only set before use
	life     context.Context
	end      context.CancelFunc
	links    *peer.Pool[*peer.Pipe]
	view     atomic.Pointer[clientView]
	specs    sync.Map // name of a command → commandKeys
	measured latencies
	wg       sync.WaitGroup // loading that nobody waits for

	mu      sync.Mutex // guards the fields below, and is held while view is replaced
	closed  bool
	loading chan struct{} // closed when the map has been loaded; nil if nobody loads
	loaded  time.Time     // when that was tried last
}

// clientView is who owns what. It is a value: copied and swapped, never changed.
type clientView struct {
	owner    [slots.Count]uint16 // index into masters, plus 1; 0 is nobody
	masters  []endpoint
	replicas map[endpoint][]endpoint
}

func newClientTransport(cfg DialConfig) *clientTransport {
	r := &clientTransport{cfg: cfg}
	r.life, r.end = context.WithCancel(context.Background())
	r.links = peer.NewPool(r.life, r.connect)
	r.view.Store(&clientView{})
	return r
}

func (r *clientTransport) close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.end()
	r.links.Close()
	r.wg.Wait()
}

func (r *clientTransport) local() *Node              { return nil }
func (r *clientTransport) latencies() *latencies     { return &r.measured }
func (r *clientTransport) news() <-chan struct{}     { return nil }
func (r *clientTransport) done() <-chan struct{}     { return r.life.Done() }
func (r *clientTransport) ended() error              { return ErrClosed }
func (r *clientTransport) down() bool                { return false } // nodes say so
func (r *clientTransport) explain(slots.Slot) string { return "" }
func (r *clientTransport) masters() []endpoint       { return r.view.Load().masters }

// refresh loads the map, unless that has just been tried.
func (r *clientTransport) refresh(ctx context.Context) {
	r.mu.Lock()
	recent := time.Since(r.loaded) < loadPause
	r.mu.Unlock()
	if !recent {
		r.load(ctx)
	}
}

// renewLocked loads the map from a node that is known to have a newer one, and does not
// wait for it: where one slot has gone, others have gone too, and each redirect costs a
// round trip.
func (r *clientTransport) renewLocked(from endpoint) {
	if r.closed || r.loading != nil || time.Since(r.loaded) < loadPause {
		return
	}
	r.loaded = time.Now()
	r.wg.Go(func() { r.load(r.life, from) })
}

// loadPause is the least time between two looks for a newer map.
const loadPause = 100 * time.Millisecond

func (r *clientTransport) owner(slot slots.Slot) (endpoint, bool) {
	v := r.view.Load()
	if at := v.owner[slot]; at > 0 {
		return v.masters[at-1], true
	}
	return endpoint{}, false
}

func (r *clientTransport) replicas(slot slots.Slot) []endpoint {
	owner, _ := r.owner(slot)
	return append([]endpoint(nil), r.view.Load().replicas[owner]...)
}

func (r *clientTransport) moved(e *slots.MovedError) endpoint {
	to := endpoint{addr: e.Addr}
	r.mu.Lock()
	defer r.mu.Unlock()
	v := r.view.Load()
	if at := v.owner[e.Slot]; at > 0 && v.masters[at-1] == to {
		return to // others have been sent there too
	}
	next := *v
	at := slices.Index(v.masters, to)
	if at < 0 {
		at = len(v.masters)
		next.masters = append(v.masters[:at:at], to)
	}
	next.owner[e.Slot] = uint16(at + 1)
	r.view.Store(&next)
	r.renewLocked(to)
	return to
}

func (r *clientTransport) asked(e *slots.AskError) endpoint { return endpoint{addr: e.Addr} }

func (r *clientTransport) ask(ctx context.Context, to endpoint, req *peer.Request) (resp.Reply, error) {
	if req.Func != "" {
		return resp.Reply{}, errors.New("slotmesh: only a node's Router can call functions")
	}
	pipe, err := r.links.Get(ctx, peer.Target{ID: to.id, Addr: to.addr, ReadOnly: req.ReadOnly,
		MaxStaleness: stepContext(req.MaxStaleness), Sync: req.Sync > 0})
	if err != nil {
		return resp.Reply{}, err
	}
	reply, err := pipe.Call(ctx, req)
	if err == nil && reply.Kind == resp.ErrorMsg {
		err = r.locate(ctx, clientError(string(reply.Str), to), to)
	}
	if err == nil && req.Sync > 0 {
		err = r.awaitSync(ctx, pipe, req.Sync)
	}
	return reply, err
}

// clientError turns an error reply into the error it stands for.
func clientError(text string, from endpoint) error {
	if redirect, ok := clusterproto.ParseRedirect(text, from.addr.Host); ok {
		return redirect
	}
	return errorOf(text)
}

// load gets the map from the first of some nodes, or from any. Only one does at a time;
// the others wait for it.
func (r *clientTransport) load(ctx context.Context, first ...endpoint) error {
	r.mu.Lock()
	if loading := r.loading; loading != nil {
		r.mu.Unlock()
		select {
		case <-loading:
		case <-ctx.Done():
		}
		return ctx.Err()
	}
	loading := make(chan struct{})
	r.loading, r.loaded = loading, time.Now()
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.loading = nil
		r.mu.Unlock()
		close(loading)
	}()
	known := append(append([]endpoint(nil), r.masters()...), r.seeds...)
	rand.Shuffle(len(known), func(i, j int) { known[i], known[j] = known[j], known[i] })
	var errs []error
	for _, from := range append(first, known...) {
		v, err := r.loadFrom(ctx, from)
		if err == nil {
			r.mu.Lock()
			r.view.Store(v)
			r.mu.Unlock()
			return nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", net.JoinHostPort(from.addr.Host, strconv.Itoa(int(from.addr.Port))), err))
		if ctx.Err() != nil {
			break
		}
	}
	return fmt.Errorf("slotmesh: no node told the map of the cluster: %w", errors.Join(errs...))
}

// loadStep bounds the wait for one node's answer.
const loadStep = peer.DialTimeout

func (r *clientTransport) loadFrom(ctx context.Context, from endpoint) (*clientView, error) {
	ctx, cancel := context.WithTimeout(ctx, loadStep)
	defer cancel()
	reply, err := r.ask(ctx, from, &peer.Request{Args: [][]byte{[]byte("CLUSTER"), []byte("SLOTS")}})
	if err != nil {
		return nil, err
	}
	ranges, err := clusterproto.ParseSlots(&reply, from.addr.Host)
	if err != nil {
		return nil, err
	}
	if len(ranges) == 0 {
		return nil, slots.ErrSlotNotServed
	}
	return viewOf(ranges), nil
}

func viewOf(ranges []clusterproto.SlotRange) *clientView {
	v := &clientView{replicas: make(map[endpoint][]endpoint)}
	for _, r := range ranges {
		master := endpoint{addr: r.Master}
		at := slices.Index(v.masters, master)
		if at < 0 {
			at = len(v.masters)
			v.masters = append(v.masters, master)
			list := []endpoint{}
			for _, replica := range r.Replicas {
				list = append(list, endpoint{addr: replica})
			}
			v.replicas[master] = list
		}
		for slot := int(r.First); slot <= int(r.Last); slot++ {
			v.owner[slot] = uint16(at + 1)
		}
	}
	return v
}

// commandKeys is what COMMAND tells about a command.
type commandKeys struct {
	first, last, step int
	write             bool
}

func (r *clientTransport) inspect(ctx context.Context, line [][]byte) (keys []int, write bool, err error) {
	if err := refuse(line[0]); err != nil {
		return nil, false, err
	}
	name := strings.ToLower(string(line[0]))
	spec, ok := r.specs.Load(name)
	if !ok {
		c, err := r.describe(ctx, name)
		if err != nil {
			return nil, false, err
		}
		r.specs.Store(name, c)
		spec = c
	}
	c := spec.(commandKeys)
	last := c.last
	if last < 0 {
		last += len(line)
	}
	for i := c.first; i > 0 && i <= last && i < len(line); i += max(1, c.step) {
		keys = append(keys, i)
	}
	return keys, c.write, nil
}

// describe asks any node what a command's keys are.
func (r *clientTransport) describe(ctx context.Context, name string) (commandKeys, error) {
	req := &request{}
	req.Args = [][]byte{[]byte("COMMAND"), []byte("INFO"), []byte(name)}
	reply, err := (&Router{transport: r}).do(ctx, req)
	if err != nil {
		return commandKeys{}, err
	}
	if len(reply.Elems) != 1 || len(reply.Elems[0].Elems) < 6 {
		return commandKeys{}, ReplyError("ERR unknown command '" + name + "'")
	}
	row := reply.Elems[0].Elems
	c := commandKeys{first: int(row[3].Int), last: int(row[4].Int), step: int(row[5].Int)}
	for i := range row[2].Elems {
		c.write = c.write || row[2].Elems[i].Text() == "write"
	}
	return c, nil
}
