package status_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/status"
)

func get(h http.Handler, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func report(t *testing.T, h http.Handler) (r status.Report) {
	t.Helper()
	w := get(h, "/status.json")
	if w.Code != http.StatusOK {
		t.Fatalf("status.json: %d %s", w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func nodeOf(t *testing.T, r *status.Report, id slots.NodeID) *status.Node {
	t.Helper()
	for i := range r.Nodes {
		if r.Nodes[i].ID == id {
			return &r.Nodes[i]
		}
	}
	t.Fatalf("%s is not in the report", id)
	return nil
}

// The report shows every node with what it says of itself, the shards, where the operations
// go, and a node that does not answer.
func TestReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1})
		h := status.Handler(c.Node(0))
		for i := range 100 {
			if err := c.Node(1).Set(t.Context(), fmt.Sprint("secret-key-", i), []byte("secret-value"), 0); err != nil {
				t.Fatal(err)
			}
		}
		first := report(t, h)
		if first.Heat.Ops != nil || first.Nodes[0].Ops != nil {
			t.Errorf("rates after one sample: %+v", first.Heat)
		}
		if again := report(t, h); again.Time != first.Time {
			t.Error("the nodes were asked twice within a second")
		}
		for range 10 {
			c.Node(1).Get(t.Context(), "{hot}")
		}
		time.Sleep(time.Second)
		r := report(t, h)
		hot := slots.OfString("{hot}")
		if got := r.Heat.Ops[int(hot)/r.Heat.SlotsPerCell]; got < 5 || got > 15 {
			t.Errorf("10 reads within a second are %v a second", got)
		}
		if len(r.Nodes) != 6 || len(r.Shards) != 3 || r.Cluster.State != "ok" || r.Cluster.Assigned != slots.Count {
			t.Fatalf("%+v", r)
		}
		keys, count := 0, 0
		for i, s := range r.Shards {
			keys += s.Keys
			count += s.Count
			if len(s.Replicas) != 1 || len(s.Slots) != 1 || s.Ops == nil {
				t.Errorf("shard %d: %+v", i, s)
			}
			if n := nodeOf(t, &r, s.Replicas[0]); n.Role != "replica" || n.Link != "connected" || n.Master != s.Master ||
				!n.Answers || n.Uptime <= 0 || n.Keys != s.Keys {
				t.Errorf("replica %+v", n)
			}
		}
		if keys != 100 || count != slots.Count || !strings.HasPrefix(r.Shards[0].Slots[0], "0-") {
			t.Errorf("%d keys, %d slots, %v", keys, count, r.Shards[0])
		}

		victim := c.Node(2).ID()
		c.Kill(2)
		time.Sleep(time.Second)
		r = report(t, h)
		if n := nodeOf(t, &r, victim); n.Answers || n.Error == "" || n.Keys != 0 {
			t.Errorf("a node that was killed: %+v", n)
		}
		for _, path := range []string{"/", "/status.json", "/explain?slot=1", "/script.js", "/style.css"} {
			if body := get(h, path).Body.String(); strings.Contains(body, "secret-") {
				t.Errorf("%s shows keys or values", path)
			}
		}
	})
}

// A move is shown at the node that serves the page, wherever it runs.
func TestReportOfMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		h := status.Handler(c.Node(0))
		c.Delay(20 * time.Millisecond)
		source, target := c.Node(1), c.Node(2)
		job, err := source.MigrateSlots(t.Context(), *source.Map().Self().Slots, target.ID())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond)
		r := report(t, h)
		if len(r.Moves) != 1 || r.Moves[0].ID != job.String() || r.Moves[0].Source != source.ID() ||
			r.Moves[0].Target != target.ID() || r.Moves[0].State != "running" || len(r.Moves[0].Slots) == 0 {
			t.Errorf("moves: %+v", r.Moves)
		}
		if err := source.WaitMigration(t.Context(), job); err != nil {
			t.Fatal(err)
		}
		c.WaitStable()
		time.Sleep(time.Second)
		if r := report(t, h); len(r.Moves) != 0 || len(r.Shards) != 2 {
			t.Errorf("after the move: %+v, %d shards", r.Moves, len(r.Shards))
		}
	})
}

func TestStandalone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		node, err := slotmesh.New(slotmesh.Config{Standalone: true, Network: c.Host("10.0.9.9"), Addr: "10.0.9.9:7000"})
		if err != nil {
			t.Fatal(err)
		}
		h := status.Handler(node)
		if w := get(h, "/status.json"); w.Code != http.StatusServiceUnavailable {
			t.Errorf("before the start: %d", w.Code)
		}
		if err := node.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := node.Set(t.Context(), "k", []byte("v"), 0); err != nil {
			t.Fatal(err)
		}
		r := report(t, h)
		if len(r.Nodes) != 1 || r.Nodes[0].Role != "standalone" || r.Nodes[0].Keys != 1 || r.Balance != nil ||
			r.Cluster.State != "standalone" || len(r.Shards) != 0 {
			t.Errorf("%+v", r)
		}
		if err := node.Close(); err != nil {
			t.Fatal(err)
		}
		if w := get(h, "/status.json"); w.Code != http.StatusServiceUnavailable {
			t.Errorf("after the end: %d", w.Code)
		}
	})
}

// Where clients need a password, so does the page, and its user needs the rights.
func TestAccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3, Node: func(_ int, cfg *slotmesh.Config) {
			cfg.Clients.Password = "sesame"
			cfg.Clients.Users = []string{"ops on >open +info +cluster", "app on >door ~* +@read"}
		}})
		h := status.Handler(c.Node(0))
		basic := func(text string) []string {
			return []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(text))}
		}
		for _, path := range []string{"/", "/status.json", "/explain?slot=1", "/script.js", "/events"} {
			w := get(h, path)
			if w.Code != http.StatusUnauthorized || !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Basic ") {
				t.Errorf("%s without a password: %d", path, w.Code)
			}
		}
		for text, want := range map[string]int{":sesame": 200, "default:sesame": 200, "ops:open": 200, "app:door": 403,
			":wrong": 401, "ops:sesame": 401, "nobody:x": 401} {
			if w := get(h, "/status.json", basic(text)...); w.Code != want {
				t.Errorf("%s: %d, want %d", text, w.Code, want)
			}
		}
		if w := get(h, "/readyz"); w.Code != http.StatusOK {
			t.Errorf("a probe without a password: %d", w.Code)
		}
	})
}

// The page and its parts are small, bring nothing from elsewhere, and answer to GET only.
func TestPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		h := status.Handler(c.Node(0))
		size := 0
		parts := map[string]string{"/": "text/html", "/style.css": "text/css", "/script.js": "text/javascript"}
		for path, kind := range parts {
			w := get(h, path)
			size += w.Body.Len()
			if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), kind) ||
				w.Header().Get("X-Content-Type-Options") != "nosniff" ||
				!strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") ||
				w.Header().Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s: %d %v", path, w.Code, w.Header())
			}
			for _, word := range []string{"http://", "https://", "innerHTML", "<style", "onclick=", "style="} {
				if strings.Contains(w.Body.String(), word) {
					t.Errorf("%s has %s", path, word)
				}
			}
			post := httptest.NewRecorder()
			h.ServeHTTP(post, httptest.NewRequest(http.MethodPost, path, nil))
			if post.Code != http.StatusMethodNotAllowed {
				t.Errorf("POST %s: %d", path, post.Code)
			}
		}
		if size > 100_000 {
			t.Errorf("the page has %d bytes", size)
		}
		for path, want := range map[string]int{"/explain?slot=16383": 200, "/explain?slot=16384": 400, "/explain": 400,
			"/explain?slot=%3Cscript%3E": 400, "/other": 404} {
			if w := get(h, path); w.Code != want {
				t.Errorf("%s: %d, want %d", path, w.Code, want)
			}
		}
		if body := get(h, "/explain?slot=7").Body.String(); !strings.HasPrefix(body, `{"slot":7,"text":"`) {
			t.Errorf("explain: %s", body)
		}
	})
}

// Nothing runs before a handler is made, nor after the node has been closed.
func TestGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		mine := func() int {
			stacks := make([]byte, 1<<20)
			return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "slotmesh/status.(*")
		}
		if n := mine(); n != 0 {
			t.Errorf("%d goroutines before", n)
		}
		h := status.Handler(c.Node(0))
		stream := make(chan string)
		go func() { stream <- get(h, "/events").Body.String() }()
		synctest.Wait()
		if mine() == 0 {
			t.Error("nothing collects events")
		}
		if err := c.Node(0).Close(); err != nil {
			t.Error(err)
		}
		if body := <-stream; !strings.HasPrefix(body, "retry: ") {
			t.Errorf("the stream: %q", body)
		}
		synctest.Wait()
		if n := mine(); n != 0 {
			t.Errorf("%d goroutines after", n)
		}
	})
}

// A stream has a number of its kind at most, begins anew behind the last event that was seen,
// and says that it is alive.
func TestStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		h := status.Handler(c.Node(0))
		follow := func(d time.Duration, last string) string {
			ctx, cancel := context.WithTimeout(t.Context(), d)
			defer cancel()
			w := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/events", nil)
			r.Header.Set("Last-Event-ID", last)
			h.ServeHTTP(w, r)
			return w.Body.String()
		}
		c.Kill(2)
		time.Sleep(time.Minute)
		all := follow(40*time.Second, "")
		if !strings.Contains(all, "event: health-changed\ndata: {") || strings.Count(all, ": here\n\n") != 2 {
			t.Errorf("the stream:\n%s", all)
		}
		ids := slices.Collect(func(yield func(string) bool) {
			for line := range strings.Lines(all) {
				if id, ok := strings.CutPrefix(line, "id: "); ok && !yield(strings.TrimSpace(id)) {
					return
				}
			}
		})
		if rest := follow(time.Second, ids[0]); strings.Count(rest, "id: ") != len(ids)-1 || strings.Contains(rest, ids[0]) {
			t.Errorf("behind %s:\n%s", ids[0], rest)
		}
		if rest := follow(time.Second, ids[len(ids)-1]); strings.Contains(rest, "id: ") {
			t.Errorf("behind the last:\n%s", rest)
		}
		if rest := follow(time.Second, "another-0"); strings.Count(rest, "id: ") != len(ids) {
			t.Errorf("behind an event of another start:\n%s", rest)
		}
		time.Sleep(time.Hour)
		if rest := follow(time.Second, ""); strings.Contains(rest, "id: ") {
			t.Errorf("after an hour:\n%s", rest)
		}

		ctx, cancel := context.WithCancel(t.Context())
		for range 64 {
			go h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/events", nil))
		}
		synctest.Wait()
		if w := get(h, "/events"); w.Code != http.StatusServiceUnavailable {
			t.Errorf("stream 65: %d", w.Code)
		}
		cancel()
		synctest.Wait()
	})
}

// The page's list of names is that of all events but new maps and progress.
func TestEveryEventIsTold(t *testing.T) {
	source, err := os.ReadFile("text.go")
	if err != nil {
		t.Fatal(err)
	}
	events, err := os.ReadFile("../events.go")
	if err != nil {
		t.Fatal(err)
	}
	_, doc, _ := strings.Cut(string(events), "one of:\n")
	doc, _, _ = strings.Cut(doc, "type Event interface")
	n := 0
	for _, part := range strings.Split(doc, "[")[1:] {
		name, _, _ := strings.Cut(part, "]")
		if !strings.Contains(name, ".") {
			name = "slotmesh." + name
		}
		if n++; name == "slotmesh.MapChanged" || name == "replication.SyncProgress" {
			continue
		}
		if !strings.Contains(string(source), name+"{}") {
			t.Errorf("%s is not told", name)
		}
	}
	if n < 30 {
		t.Errorf("%d events are documented", n)
	}
}
