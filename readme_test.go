package slotmesh_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/admin"
	"github.com/slotmesh/slotmesh/cache"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/metrics"
	"github.com/slotmesh/slotmesh/script"
	"github.com/slotmesh/slotmesh/status"
)

// The README's Go snippets are parts of this file, word for word.
func TestReadmeIsCompiled(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("readme_test.go")
	if err != nil {
		t.Fatal(err)
	}
	compiled := unindent(string(source))
	snippets := strings.Split(string(readme), "```go\n")[1:]
	for _, s := range snippets {
		s, _, _ = strings.Cut(s, "```")
		if !strings.Contains(compiled, unindent(s)) {
			t.Errorf("not in readme_test.go:\n%s", s)
		}
	}
	if len(snippets) < 5 {
		t.Errorf("the README has %d snippets", len(snippets))
	}
}

// SECURITY.md names the tests that show what it says: all of them exist.
func TestSecurityNamesTests(t *testing.T) {
	text, err := os.ReadFile("SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("`(Test[A-Za-z]+)`").FindAllSubmatch(text, -1)
	if len(names) < 40 {
		t.Errorf("it names %d tests", len(names))
	}
	var tests bytes.Buffer
	err = filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		tests.Write(source)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if !bytes.Contains(tests.Bytes(), []byte("func "+string(n[1])+"(t *testing.T)")) {
			t.Errorf("there is no %s", n[1])
		}
	}
}

// What the README shows is short: this many lines, at most, to try each thing.
func TestReadmeIsShort(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	snippet := func(begin string) string { // the first after begin
		_, after, found := strings.Cut(string(readme), begin)
		_, after, ok := strings.Cut(after, "```go\n")
		code, _, end := strings.Cut(after, "```")
		if !found || !ok || !end {
			t.Fatalf("no snippet after %q", begin)
		}
		return code
	}
	for begin, most := range map[string]int{
		"\n## Embed\n":              20, // to a node that serves
		"nobody calls Create":       20, // to a service whose instances are the cluster
		"\n## Cache\n":              15, // with a loader
		"for every Redis client":    40, // a command of the host's own, with …
		"2*time.Second) // by then": 1,  // … its registration
	} {
		if n := strings.Count(snippet(begin), "\n"); n > most {
			t.Errorf("the snippet after %q has %d lines, more than %d", begin, n, most)
		}
	}
	cluster := 0
	for line := range strings.Lines(snippet("\n## Test\n")) {
		if strings.Contains(line, ":= clustertest.") && strings.HasSuffix(line, ")\n") {
			cluster++
		}
	}
	if cluster != 1 {
		t.Errorf("a cluster for a test takes %d lines instead of one", cluster)
	}
}

func unindent(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		b.WriteString(strings.TrimLeft(line, "\t "))
	}
	return b.String()
}

func Example_embed() {
	dir, err := os.MkdirTemp("", "mesh")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	embed(dir)
	embed(dir) // the second start
	// Output:
	// hello <nil>
	// hello <nil>
}

// Nodes that find each other: examples/http is this service, with its tests.
var _ = func(ctx context.Context, addr, web string, seeds []string) error {
	node, err := slotmesh.New(slotmesh.Config{
		Addr:    addr,  // of this instance
		Join:    seeds, // some of all, the same for each: "10.0.0.1:7001", or "dns:visits.svc:7001"
		Cluster: slotmesh.ClusterConfig{Expect: 3, Replicas: 2},
	})
	if err != nil {
		return err
	}
	if err := node.Start(ctx); err != nil {
		return err
	}
	defer node.Close()
	http.HandleFunc("POST /visits", func(w http.ResponseWriter, r *http.Request) {
		n, err := node.Do(r.Context(), "INCR", "visits")
		fmt.Fprintln(w, n, err)
	})
	return http.ListenAndServe(web, nil)
}

func embed(dir string) {
	ctx := context.Background()
	node, err := slotmesh.New(slotmesh.Config{Addr: "127.0.0.1:0", Dir: dir}) // 0: any free port
	if err != nil {
		log.Fatal(err)
	}
	if err := node.Start(ctx); err != nil {
		log.Fatal(err)
	}
	defer node.Close()
	err = slotmesh.Create(ctx, node)                                 // the first node owns all slots
	if err != nil && !errors.Is(err, slotmesh.ErrAlreadyInCluster) { // from its second start on
		log.Fatal(err)
	}
	err = node.Set(ctx, "greeting", []byte("hello"), time.Minute) // every key of the cluster, from any node
	value, _ := node.Get(ctx, "greeting")
	fmt.Println(string(value), err)
}

// User is what the example's cache holds.
type User struct{ Name string }

var db database

type database struct{}

func (database) User(_ context.Context, id string) (User, error) {
	if id == "42" {
		return User{"Ada"}, nil
	}
	return User{}, cache.ErrNotFound
}

func Example_cache() {
	ctx := context.Background()
	nodes, stop := three(ctx)
	defer stop()
	node := nodes[0]
	for _, other := range nodes[1:] {
		cache.New(other, cache.Config[User]{Name: "users", TTL: time.Minute, Load: db.User})
	}

	users, err := cache.New(node, cache.Config[User]{
		Name:     "users",
		TTL:      time.Minute,
		Stale:    time.Hour,        // serve it while it is loaded anew
		Negative: 10 * time.Second, // remember that there is none
		Load: func(ctx context.Context, id string) (User, error) { // runs once, at the key's owner, however many ask
			return db.User(ctx, id)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	user, err := users.Get(ctx, "42")

	fmt.Println(user, err)
	_, err = users.Get(ctx, "43")
	fmt.Println(errors.Is(err, cache.ErrNotFound))
	// Output:
	// {Ada} <nil>
	// true
}

func Example_collections() {
	ctx := context.Background()
	nodes, stop := three(ctx)
	defer stop()
	node := nodes[0]
	var err error
	err = node.Update(ctx, []string{"board"}, func(tx slotmesh.Tx) error {
		board, err := tx.ZSet("board")
		if err == nil {
			_, err = board.Add("ada", 30)
		}
		return err
	})
	score, _ := node.Do(ctx, "ZSCORE", "board", "ada")
	fmt.Println(score, err)
	// Output: 30 <nil>
}

var takeAll = script.NewScript(`
	local n = redis.call("LLEN", KEYS[1])
	redis.call("RENAME", KEYS[1], KEYS[2])
	return n`)

func ExampleNode_Eval() {
	ctx := context.Background()
	node, err := slotmesh.New(slotmesh.Config{Scripts: script.New(script.Config{})})
	if err != nil {
		log.Fatal(err)
	}
	if err := node.Start(ctx); err != nil {
		log.Fatal(err)
	}
	defer node.Close()
	slotmesh.Create(ctx, node)
	node.Do(ctx, "RPUSH", "{jobs}todo", "a", "b", "c")
	n, err := node.Eval(ctx, takeAll, []string{"{jobs}todo", "{jobs}taken"})
	fmt.Println(n, err)
	// Output: 3 <nil>
}

// allow takes a token from a bucket of 10 that fills up at 5 a second: ALLOW key → 1 or 0.
func allow(tx slotmesh.Tx, args []string) (any, error) {
	tokens, last := 10.0, tx.Now()
	if b, ok := tx.Get(args[0]); ok {
		count, at, _ := strings.Cut(string(b), " ")
		tokens, _ = strconv.ParseFloat(count, 64)
		ms, _ := strconv.ParseInt(at, 10, 64)
		tokens = min(10, tokens+5*last.Sub(time.UnixMilli(ms)).Seconds())
	}
	reply := 0
	if tokens >= 1 {
		tokens, reply = tokens-1, 1
	}
	state := fmt.Sprintf("%f %d", tokens, last.UnixMilli())
	return reply, tx.Set(args[0], []byte(state), 2*time.Second) // by then it is full again
}

func ExampleNode_Handle() {
	ctx := context.Background()
	node, err := slotmesh.New(slotmesh.Config{})
	if err != nil {
		log.Fatal(err)
	}
	err = node.Handle("ALLOW", slotmesh.CommandSpec{Write: true, Arity: 2}, allow) // before Start
	if err != nil {
		log.Fatal(err)
	}
	if err := node.Start(ctx); err != nil {
		log.Fatal(err)
	}
	defer node.Close()
	slotmesh.Create(ctx, node)
	allowed := 0
	for range 20 {
		reply, err := node.Router().Do(ctx, "ALLOW", "user:42")
		if err == nil && reply == int64(1) {
			allowed++
		}
	}
	fmt.Println(allowed >= 10 && allowed < 20)
	// Output: true
}

func ExampleNode_Events() {
	ctx := context.Background()
	node, err := slotmesh.New(slotmesh.Config{})
	if err != nil {
		log.Fatal(err)
	}
	if err := node.Start(ctx); err != nil {
		log.Fatal(err)
	}
	if err := slotmesh.Create(ctx, node); err != nil {
		log.Fatal(err)
	}
	go node.Close()

	for e := range node.Events(ctx) { // until ctx ends or the node is closed
		switch e := e.(type) {
		case slotmesh.MapChanged:
			fmt.Println("the cluster's state:", e.Map.State())
		case gossip.HealthChanged:
			fmt.Println(e.Node, "is", e.Now)
		}
	}
	// Output: the cluster's state: ok
}

func ExampleNode_Subscribe() {
	ctx := context.Background()
	nodes, stop := three(ctx)
	defer stop()
	node := nodes[0]

	messages := node.Subscribe(ctx, "news") // in force from here on
	node.Publish(ctx, "news", []byte("hello"))
	for m, err := range messages {
		if err != nil { // a *client.MissedError: the loop goes on
			log.Println(err)
			continue
		}
		fmt.Println(m.Channel, string(m.Payload))
		break
	}
	// Output: news hello
}

// A page below a path of the host shows the cluster.
func Example_status() {
	nodes, stop := three(context.Background())
	defer stop()
	node := nodes[0]

	http.Handle("/status/", http.StripPrefix("/status", status.Handler(node)))

	w := httptest.NewRecorder()
	http.DefaultServeMux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/status/", nil))
	fmt.Println(w.Code, strings.Contains(w.Body.String(), `src="script.js"`))
	// Output: 200 true
}

// Prometheus gets the figures of a node.
func Example_metrics() {
	nodes, stop := three(context.Background())
	defer stop()
	node := nodes[0]

	http.Handle("GET /metrics", metrics.Handler(node))

	w := httptest.NewRecorder()
	http.DefaultServeMux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	fmt.Println(w.Code, strings.Contains(w.Body.String(), "\nredis_cluster_state 1\n"))
	// Output: 200 true
}

func Example_admin() {
	ctx := context.Background()
	nodes, stop := three(ctx)
	defer stop()
	entry, victim := nodes[0].Addr().Client(), nodes[2].Addr().Client()

	client, err := admin.New(admin.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	view, err := client.View(ctx, entry) // what every node says
	if err != nil {
		log.Fatal(err)
	}
	report := admin.Check(view)                // findings, as values
	plan, err := admin.PlanDrain(view, victim) // printing it is the dry run
	if err == nil {
		err = client.Move(ctx, view, plan, admin.MoveOptions{})
	}

	fmt.Println(report.OK(), plan.Moves.Len(), err)
	// Output: true 5461 <nil>
}

func ExampleRouter_Update() {
	ctx := context.Background()
	nodes, stop := three(ctx)
	defer stop()
	keys := nodes[0].Router()
	keys.Set(ctx, "{acc}a", []byte("100"), 0)
	err := keys.Update(ctx, []string{"{acc}a", "{acc}b"}, func(tx slotmesh.Tx) error {
		all, _ := tx.Get("{acc}a")
		tx.Delete("{acc}a")
		return tx.Set("{acc}b", all, 0)
	})
	value, _ := keys.Get(ctx, "{acc}b")
	fmt.Println(string(value), err)
	// Output: 100 <nil>
}

func ExampleDial() {
	ctx := context.Background()
	nodes, stop := three(ctx)
	defer stop()
	client, err := slotmesh.Dial(ctx, slotmesh.DialConfig{Addrs: []string{nodes[0].Addr().Client()}})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	client.Set(ctx, "a", []byte("1"), 0)
	client.Set(ctx, "b", []byte("2"), 0)
	for _, r := range client.GetMany(ctx, "a", "b", "c") {
		fmt.Println(r.Key, string(r.Value), r.Err)
	}
	// Output:
	// a 1 <nil>
	// b 2 <nil>
	// c  slotmesh: key not found
}

func ExampleRouter_Scan() {
	ctx := context.Background()
	nodes, stop := three(ctx)
	defer stop()
	keys := nodes[0].Router()
	keys.SetMany(ctx, slotmesh.Item{Key: "user:1"}, slotmesh.Item{Key: "user:2"}, slotmesh.Item{Key: "other"})
	n := 0
	for key, err := range keys.Scan(ctx, "user:*") {
		if err != nil {
			log.Fatal(err)
		}
		if strings.HasPrefix(key, "user:") {
			n++
		}
	}
	fmt.Println(n)
	// Output: 2
}

func ExampleNode_RegisterFunc() {
	ctx := context.Background()
	nodes, stop := three(ctx)
	defer stop()
	for i, n := range nodes {
		n.RegisterFunc("whereami", func(_ context.Context, key string, _ []byte) ([]byte, error) {
			return fmt.Appendf(nil, "%s is at node %d", key, i), nil
		})
	}
	reply, err := nodes[0].Router().Call(ctx, "whereami", "foo", nil)
	fmt.Println(string(reply), err)
	// Output: foo is at node 2 <nil>
}

func TestMine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // optional: fake time
		c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1})
		node := c.Node(0)
		node.Set(slotmesh.WithSync(t.Context(), 1), "key", []byte("value"), 0)
		c.Kill(2)      // its replica takes over within 16 s of fake time …
		c.WaitStable() // … and within milliseconds of yours
		if value, err := node.Get(t.Context(), "key"); err != nil {
			t.Error(value, err)
		}
	})
}
