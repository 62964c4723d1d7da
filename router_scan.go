package slotmesh

import (
	"context"
	"errors"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/internal/server"
	"github.com/slotmesh/slotmesh/slots"
)

// Scan yields the keys of the whole cluster that match pattern (a glob as of SCAN, "" for all). A key that is there from the
// beginning to the end is yielded at least once, and seldom twice, whatever slots move and masters fail meanwhile; one that
// comes or goes may be yielded or not. The last pair may be "" and an error, that of ctx, or of a cluster that
// did not serve for too long: then some keys are missing.
func (r *Router) Scan(ctx context.Context, pattern string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		s := scan{Router: Router{reach: r.reach}, pattern: pattern, yield: yield}
		if err := s.run(ctx); err != nil && !s.stopped {
			yield("", err)
		}
	}
}

// scan is a walk through the keys of all slots.
//
// It asks each master for the keys of the slots which that owned at the beginning. A slot is done if its owner is still the
// same afterwards; if the slot is leaving the owner, after its target has been asked too: keys go only
// there. The other slots are asked for again, until none is left.
type scan struct {
	Router
	pattern string
	yield   func(string, error) bool
	stopped bool // the caller has enough
}

// fewSlots is how many slots of a master are asked for one by one, not by walking through all of its keys.
const fewSlots = 64

func (s *scan) run(ctx context.Context) error {
	todo := slots.Full()
	for w := (waits{}); ; {
		var err error
		for owner, group := range s.byOwner(&todo) {
			var open map[slots.Slot]place
			if err = s.keysOf(ctx, owner, &group); err == nil && !s.stopped {
				open, err = s.openSlots(ctx, owner)
			}
			if s.stopped {
				return nil
			}
			if err != nil {
				continue // what happened to it will be known soon
			}
			s.settle(ctx, &todo, owner, &group, open)
		}
		if s.stopped || s.nobodysOnly(&todo) {
			return nil
		}
		s.reach.refresh(ctx)
		if err := s.rest(ctx, &w, orNotServed(err)); err != nil {
			return err
		}
	}
}

func orNotServed(err error) error {
	if err == nil {
		return slots.ErrSlotNotServed
	}
	return err
}

// byOwner groups slots by who owns them now.
func (s *scan) byOwner(todo *slots.Set) map[place]slots.Set {
	groups := make(map[place]slots.Set)
	for slot := range todo.All() {
		if owner, ok := s.reach.owner(slot); ok {
			group := groups[owner]
			group.Add(slot)
			groups[owner] = group
		}
	}
	return groups
}

// settle takes the slots off todo whose keys have all been seen.
func (s *scan) settle(ctx context.Context, todo *slots.Set, owner place, group *slots.Set, open map[slots.Slot]place) {
	for slot := range group.All() {
		if target, leaving := open[slot]; leaving {
			if err := s.keysIn(ctx, target, slot); err != nil || s.stopped {
				continue
			}
		}
		if now, ok := s.reach.owner(slot); ok && now == owner {
			todo.Remove(slot)
		}
	}
}

// nobodysOnly reports whether no slot with an owner is left.
func (s *scan) nobodysOnly(todo *slots.Set) bool {
	for slot := range todo.All() {
		if _, ok := s.reach.owner(slot); ok {
			return false
		}
	}
	return true
}

// keysOf yields the keys that a node has in a group of slots.
func (s *scan) keysOf(ctx context.Context, from place, group *slots.Set) error {
	if group.Len() <= fewSlots {
		for slot := range group.All() {
			if err := s.keysIn(ctx, from, slot); err != nil || s.stopped {
				return err
			}
		}
		return nil
	}
	cursor := "0"
	for {
		line := []string{"SCAN", cursor, "COUNT", "512"}
		if s.pattern != "" {
			line = append(line, "MATCH", s.pattern)
		}
		reply, err := s.askNode(ctx, from, line...)
		if err != nil {
			return err
		}
		if len(reply.Elems) != 2 {
			return ReplyError("ERR SCAN replied with something else")
		}
		for i := range reply.Elems[1].Elems {
			if key := reply.Elems[1].Elems[i].Text(); group.Has(slots.OfString(key)) && !s.pass(key) {
				return nil
			}
		}
		if cursor = reply.Elems[0].Text(); cursor == "0" {
			return nil
		}
	}
}

// keysIn yields the keys that a node has in one slot, whoever owns it.
func (s *scan) keysIn(ctx context.Context, from place, slot slots.Slot) error {
	const all = 1 << 30
	reply, err := s.askNode(ctx, from, "CLUSTER", "GETKEYSINSLOT", strconv.Itoa(int(slot)), strconv.Itoa(all))
	if err != nil {
		return err
	}
	for i := range reply.Elems {
		if key := reply.Elems[i].Text(); s.matches(key) && !s.pass(key) {
			return nil
		}
	}
	return nil
}

func (s *scan) pass(key string) bool {
	s.stopped = !s.yield(key, nil)
	return !s.stopped
}

func (s *scan) matches(key string) bool { return s.pattern == "" || server.Match(s.pattern, key) }

// openSlots returns the slots that are leaving a node, and whereto.
func (s *scan) openSlots(ctx context.Context, from place) (map[slots.Slot]place, error) {
	reply, err := s.askNode(ctx, from, "CLUSTER", "NODES")
	var refused ReplyError
	if errors.As(err, &refused) { // not in a cluster
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	nodes := make(map[string]place)
	open := make(map[slots.Slot]string)
	for line := range strings.Lines(reply.Text()) {
		fields := strings.Fields(line)
		if len(fields) < 8 {
			continue
		}
		nodes[fields[0]] = s.nodePlace(fields[0], fields[1])
		for _, field := range fields[8:] { // "[slot->-node]", SPEC §10.5
			number, target, ok := strings.Cut(strings.Trim(field, "[]"), "->-")
			if slot, err := strconv.ParseUint(number, 10, 16); ok && err == nil && slot < slots.Count {
				open[slots.Slot(slot)] = target
			}
		}
	}
	targets := make(map[slots.Slot]place)
	for slot, id := range open {
		if target, ok := nodes[id]; ok {
			targets[slot] = target
		}
	}
	return targets, nil
}

// nodePlace reads a node of CLUSTER NODES: "host:port@busport,hostname".
func (s *scan) nodePlace(id, addr string) place {
	addr, _, _ = strings.Cut(addr, ",")
	addr, bus, _ := strings.Cut(addr, "@")
	var p place
	if at := strings.LastIndexByte(addr, ':'); at >= 0 {
		port, _ := strconv.ParseUint(addr[at+1:], 10, 16)
		p.addr = slots.Addr{Host: addr[:at], Port: uint16(port)}
	}
	if s.reach.local() != nil { // a node calls others by id, on the bus
		busPort, _ := strconv.ParseUint(bus, 10, 16)
		p.addr.BusPort = uint16(busPort)
		p.id, _ = slots.ParseNodeID(id)
	}
	return p
}

// scanStep bounds the wait for one answer: a node that does not give it is asked again, or its successor.
const scanStep = 10 * time.Second

func (s *scan) askNode(ctx context.Context, to place, line ...string) (resp.Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, scanStep)
	defer cancel()
	req := &request{}
	req.Sync = -1
	for _, word := range line {
		req.Args = append(req.Args, []byte(word))
	}
	return s.reach.ask(ctx, to, &req.Request)
}
