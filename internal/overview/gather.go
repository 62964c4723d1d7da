package overview

import (
	"context"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/internal/guard"
	"github.com/slotmesh/slotmesh/slots"
)

// parallel is how many nodes are asked at a time.
const parallel = 64

// Asking says how Gather reaches the nodes.
type Asking struct {
	// Self says what this node says of itself.
	Self func() Member
	// Call asks another one, which answers with its [Member] in wire form.
	Call func(ctx context.Context, to *slots.Node) ([]byte, error)
	// Limit bounds the time that each node has to answer.
	Limit time.Duration
	// OnPanic is called with a panic of Call.
	OnPanic func(error)
}

// Gather asks every node of m, and returns what they say in the order of m.Nodes. One that
// does not answer within a.Limit, or before ctx ends, has Err.
func (a *Asking) Gather(ctx context.Context, m *slots.Map) []Member {
	nodes := m.Nodes()
	members := make([]Member, len(nodes))
	var all sync.WaitGroup
	room := make(chan struct{}, parallel)
	for i := range nodes {
		if nodes[i].ID == m.Self().ID {
			members[i] = a.Self()
			members[i].ID = nodes[i].ID
			continue
		}
		room <- struct{}{}
		all.Go(func() {
			defer func() { <-room }()
			defer guard.Recover("overview", a.OnPanic)
			members[i] = a.ask(ctx, &nodes[i])
		})
	}
	all.Wait()
	return members
}

func (a *Asking) ask(ctx context.Context, to *slots.Node) Member {
	ctx, cancel := context.WithTimeout(ctx, a.Limit)
	defer cancel()
	answer, err := a.Call(ctx, to)
	if err != nil {
		return Member{ID: to.ID, Err: err}
	}
	m, err := Decode(answer)
	m.ID, m.Err = to.ID, err
	return m
}
