// Package health answers the probes of an orchestrator such as Kubernetes over HTTP.
//
//	http.Handle("/", health.Handler(node))
//
// A node that fails /livez should be started again; one that fails /readyz should get no
// requests for the moment. Both answer 200 with "ok", or 503 with one line that says what
// is missing. They show nothing of keys and values.
package health

import (
	"context"
	"net/http"
	"time"

	"github.com/slotmesh/slotmesh"
)

// readyLimit is how long /readyz waits for a node that is about to be ready.
const readyLimit = 100 * time.Millisecond

// Handler serves GET /livez and GET /readyz for a node. The node is live from Start until it
// is closed or has failed ([slotmesh.Node.Err]), and ready as [slotmesh.Node.Ready] says.
func Handler(node *slotmesh.Node) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, live(node))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyLimit)
		defer cancel()
		answer(w, node.Ready(ctx))
	})
	return mux
}

func live(node *slotmesh.Node) error {
	select {
	case <-node.Done():
		if err := node.Err(); err != nil {
			return err
		}
		return slotmesh.ErrClosed
	default:
		return nil
	}
}

func answer(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		w.Write([]byte(err.Error() + "\n"))
		return
	}
	w.Write([]byte("ok\n"))
}
