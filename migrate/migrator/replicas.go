package migrator

import "context"

// Replicas are those of the node, as far as migrations wait for them.
type Replicas interface {
	// Standing returns how many replicas must hold what comes here, which is k or what this
	// node's own settings ask for, and how many are in good standing. It must not block.
	Standing(k int) (want, good int)
	// Hold waits until each replica in good standing, but as many as Standing wants at
	// least, hold what this node has now. It returns how many do.
	Hold(ctx context.Context, k int) (held int, err error)
}

// noReplicas are those of a node without any.
type noReplicas struct{}

func (noReplicas) Standing(int) (want, good int)          { return 0, 0 }
func (noReplicas) Hold(context.Context, int) (int, error) { return 0, nil }
