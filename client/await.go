package client

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/internal/resp"
)

// awaitSync waits until k replicas hold what has been written on a connection, as long as
// WithSync says. A node sends nothing while a WAIT lasts; a long one is sent in parts, so
// that the connection does not count as silent.
func (t *respTransport) awaitSync(ctx context.Context, pipe *peer.Pipe, k int) error {
	end, ok := ctx.Deadline()
	if !ok {
		end = time.Now().Add(syncTimeout)
	}
	for {
		step := min(time.Until(end), t.cfg.Silence/2)
		wait := &peer.Request{Args: [][]byte{[]byte("WAIT"), strconv.AppendInt(nil, int64(k), 10), milliseconds(step)}}
		reply, err := pipe.Call(ctx, wait)
		switch {
		case err != nil:
			return &ambiguous{err}
		case reply.Kind != resp.Int:
			return &ambiguous{fmt.Errorf("the answer to WAIT was %q", reply.Text())}
		case reply.Int >= int64(k):
			return nil
		case !time.Now().Before(end):
			return &ambiguous{fmt.Errorf("%d of %d replicas hold it", reply.Int, k)}
		}
	}
}
