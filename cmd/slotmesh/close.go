package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"syscall"

	"github.com/slotmesh/slotmesh"
)

// closeAll closes nodes, replicas before masters: a master of which no replica is left
// does not wait for one to take over. That takes as long as it takes to save their keys;
// a second signal ends the process at once.
func closeAll(nodes []*slotmesh.Node) error {
	var replicas, others []*slotmesh.Node
	for _, n := range nodes {
		if m := n.Map(); m != nil && !m.Self().IsMaster() {
			replicas = append(replicas, n)
		} else {
			others = append(others, n)
		}
	}
	return errors.Join(closeTogether(replicas), closeTogether(others))
}

func closeTogether(nodes []*slotmesh.Node) error {
	errs := make([]error, len(nodes))
	var wg sync.WaitGroup
	for i, n := range nodes {
		wg.Go(func() { errs[i] = n.Close() })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// explainStart says what to do about a port that is in use; any other error passes.
func explainStart(err error) error {
	var op *net.OpError
	if !errors.Is(err, syscall.EADDRINUSE) || !errors.As(err, &op) || op.Addr == nil {
		return err
	}
	_, text, _ := net.SplitHostPort(op.Addr.String())
	port, _ := strconv.Atoi(text)
	return fmt.Errorf("port %d is in use by another program: choose another with --port "+
		"(a node listens on its port and, for other nodes, on the one %d above): %w", port, busOffset, err)
}

// busOffset is what the bus port is above the client port (docs/spec.md §2.7).
const busOffset = 10_000
