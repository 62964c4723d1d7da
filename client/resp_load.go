package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/slotmesh/slotmesh/internal/clusterproto"
	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/slots"
)

// load gets the map from one of first, or from any other node. Only one load runs at a
// time; other callers wait for it.
func (t *respTransport) load(ctx context.Context, first ...Endpoint) error {
	t.mu.Lock()
	if loading := t.loading; loading != nil {
		t.mu.Unlock()
		select {
		case <-loading:
		case <-ctx.Done():
		}
		return ctx.Err()
	}
	loading := make(chan struct{})
	t.loading, t.loaded = loading, time.Now()
	t.mu.Unlock()
	defer func() {
		t.mu.Lock()
		t.loading = nil
		t.mu.Unlock()
		close(loading)
	}()
	known := append(slices.Clone(t.Masters()), t.seeds...)
	rand.Shuffle(len(known), func(i, j int) { known[i], known[j] = known[j], known[i] })
	var errs []error
	for _, from := range append(first, known...) {
		v, err := t.loadFrom(ctx, from)
		if err == nil {
			t.mu.Lock()
			t.view.Store(v)
			t.mu.Unlock()
			return nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", net.JoinHostPort(from.Addr.Host, strconv.Itoa(int(from.Addr.Port))), err))
		if ctx.Err() != nil {
			break
		}
	}
	return fmt.Errorf("slotmesh: no node told the map of the cluster: %w", errors.Join(errs...))
}

// loadStep bounds the wait for the answer of one node.
const loadStep = peer.DialTimeout

// loadFrom gets the map from one node.
func (t *respTransport) loadFrom(ctx context.Context, from Endpoint) (*respView, error) {
	ctx, cancel := context.WithTimeout(ctx, loadStep)
	defer cancel()
	reply, err := t.Send(ctx, from, &Request{Args: [][]byte{[]byte("CLUSTER"), []byte("SLOTS")}})
	if err != nil {
		return nil, err
	}
	ranges, err := clusterproto.ParseSlots(&reply.reply, from.Addr.Host)
	if err != nil {
		return nil, err
	}
	if len(ranges) == 0 {
		return nil, slots.ErrSlotNotServed
	}
	return viewOf(ranges), nil
}

// viewOf makes a view of the answer to CLUSTER SLOTS.
func viewOf(ranges []clusterproto.SlotRange) *respView {
	v := &respView{replicas: make(map[Endpoint][]Endpoint)}
	for _, r := range ranges {
		master := Endpoint{Addr: r.Master}
		at := slices.Index(v.masters, master)
		if at < 0 {
			at = len(v.masters)
			v.masters = append(v.masters, master)
			list := []Endpoint{}
			for _, replica := range r.Replicas {
				list = append(list, Endpoint{Addr: replica})
			}
			v.replicas[master] = list
		}
		for slot := int(r.First); slot <= int(r.Last); slot++ {
			v.owner[slot] = uint16(at + 1)
		}
	}
	return v
}
