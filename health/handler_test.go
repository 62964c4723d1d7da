package health_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/health"
	"github.com/slotmesh/slotmesh/slots"
)

func get(node *slotmesh.Node, path string) (code int, body string) {
	w := httptest.NewRecorder()
	health.Handler(node).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func want(t *testing.T, node *slotmesh.Node, path string, code int, text string) {
	t.Helper()
	if got, body := get(node, path); got != code || !strings.Contains(body, text) {
		t.Errorf("%s: %d %q, want %d with %q", path, got, body, code, text)
	}
}

// A node of a cluster that has lost its majority is live and not ready; it is ready again
// after that, and a closed node is neither.
func TestHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		node := c.Node(0)
		want(t, node, "/livez", http.StatusOK, "ok")
		want(t, node, "/readyz", http.StatusOK, "ok")
		c.Kill(1)
		c.Kill(2)
		if err := node.WaitMap(t.Context(), func(m *slots.Map) bool { return m.State() != slots.OK }); err != nil {
			t.Fatal(err)
		}
		want(t, node, "/livez", http.StatusOK, "ok")
		want(t, node, "/readyz", http.StatusServiceUnavailable, "slotmesh: not ready: ")
		c.Restart(1)
		c.Restart(2)
		c.WaitStable()
		want(t, node, "/readyz", http.StatusOK, "ok")
		if err := node.Close(); err != nil {
			t.Error(err)
		}
		want(t, node, "/livez", http.StatusServiceUnavailable, "closed")
		want(t, node, "/readyz", http.StatusServiceUnavailable, "closed")
		if code, _ := get(node, "/metrics"); code != http.StatusNotFound {
			t.Errorf("another path: %d", code)
		}
	})
}
