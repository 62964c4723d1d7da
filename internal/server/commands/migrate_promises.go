package commands

import (
	"fmt"
	"strconv"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// If clients were told that k replicas hold their writes, k replicas of the node that
// MIGRATE brings the keys to must hold them too. WAIT on the connection that brought them
// tells that, also at a node of Redis, and makes it known there for the next move.

// promised returns how many replicas have to hold the keys of a MIGRATE.
func (n *Node) promised(m *migration) int {
	if n.Promises == nil {
		return 0
	}
	return n.Promises.Promised(m.slot)
}

// askFirst refuses to bring keys where there are too few replicas for them.
func (n *Node) askFirst(c *migrateConn, m *migration) error {
	want := n.promised(m)
	if want == 0 || m.copy {
		return nil
	}
	good, err := c.wait(0)
	if err == nil && good < want {
		err = tooFewReplicas(want, good)
	}
	return err
}

// awaitReplicas returns the keys that may be deleted here: all that were taken, if the
// target's replicas have them, else none.
func (n *Node) awaitReplicas(c *migrateConn, m *migration, taken [][]byte, refused error) ([][]byte, error) {
	if n.Promises == nil {
		return taken, refused
	}
	held := 0
	if want := n.promised(m); want > 0 && refused != errReading && refused != errWriting {
		n, err := c.wait(want)
		if err != nil {
			return nil, err
		}
		held = n
	}
	n.Promises.Leave(m.slot, held)
	if want := n.promised(m); held < want {
		return nil, tooFewReplicas(want, held)
	}
	return taken, refused
}

func tooFewReplicas(want, got int) error {
	return ReplyError(fmt.Sprintf("ERR Target instance has %d replicas in step, and clients were told that %d hold "+
		"these keys: the keys stay here; bring its replicas back, or add some", got, want))
}

// wait asks how many replicas hold what this connection has brought. The other server
// waits for k of them, but less long than this node waits for its answer.
func (c *migrateConn) wait(k int) (n int, err error) {
	timeout := "1"
	if k > 0 {
		timeout = strconv.FormatInt(max(1, c.wire.timeout.Milliseconds()/2), 10)
	}
	c.conn.Send("WAIT", strconv.Itoa(k), timeout)
	if err := c.conn.Flush(); err != nil {
		return 0, errWriting
	}
	reply, err := c.conn.Receive()
	if no, is := err.(resp.Error); is {
		return 0, refusal(no)
	}
	if err != nil {
		return 0, errReading
	}
	if reply.Kind != resp.Int {
		return 0, errReading
	}
	return int(reply.Int), nil
}
