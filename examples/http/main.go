// Command http is an HTTP service whose instances are the cluster that keeps its data:
// one binary, no server beside it.
//
//	N=127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003
//	go run ./examples/http -http :8001 -mesh 127.0.0.1:7001 -nodes $N
//	go run ./examples/http -http :8002 -mesh 127.0.0.1:7002 -nodes $N
//	go run ./examples/http -http :8003 -mesh 127.0.0.1:7003 -nodes $N
//
//	curl -X PUT -d hello localhost:8001/kv/greeting
//	curl localhost:8003/kv/greeting
//	curl -X POST localhost:8002/visits
//
// The first of -nodes owns all slots when none of the others is there; it hands each
// newcomer a fair share, while all go on serving. With -dir an instance keeps its keys
// and its place in the cluster over a restart, kill -9 included. Without, an instance
// that comes back is a new node in the place of the one it was: it takes over the slots
// of that, and what they held is lost. Instances may be started again in any order.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/slots"
)

func main() {
	web := flag.String("http", ":8001", "where to serve HTTP")
	mesh := flag.String("mesh", "127.0.0.1:7001", "where to serve Redis clients; the bus is on the port + 10000")
	nodes := flag.String("nodes", "", "the -mesh of all instances, separated by commas; the first one founds the cluster")
	dir := flag.String("dir", "", "folder of this instance; empty keeps nothing")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *web, *dir, *mesh, strings.Split(*nodes, ",")); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, web, dir, mesh string, nodes []string) error {
	if dir != "" {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	node, err := slotmesh.New(slotmesh.Config{Addr: mesh, Dir: dir, NodeTimeout: 2 * time.Second})
	if err != nil {
		return err
	}
	if err := node.Start(ctx); err != nil {
		return err
	}
	defer node.Close()
	if err := enter(ctx, node, mesh, nodes); err != nil {
		return err
	}
	node.Go(func(ctx context.Context) { share(ctx, node) })

	ln, err := net.Listen("tcp", web)
	if err != nil {
		return err
	}
	log.Printf("serving HTTP on %s, Redis clients on %s", ln.Addr(), node.Addr().Client())
	srv := &http.Server{Handler: handler(node)}
	defer context.AfterFunc(ctx, func() { srv.Close() })()
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// enter makes the node a member of the cluster, or the first one of a new cluster.
func enter(ctx context.Context, node *slotmesh.Node, mesh string, nodes []string) error {
	others := slices.DeleteFunc(slices.Clone(nodes), func(n string) bool { return n == mesh })
	first := mesh == nodes[0] || len(others) == 0
	for len(node.Map().Nodes()) == 1 && node.Map().Assigned() == 0 { // else it goes on as what it was
		err := node.Join(ctx, others...)
		switch {
		case err == nil:
		case first:
			return slotmesh.Create(ctx, node)
		case ctx.Err() != nil:
			return err
		default:
			log.Printf("no other instance yet: %v", err)
			time.Sleep(time.Second)
		}
	}
	if first { // the others may have met before, and wait for it
		short, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		if node.WaitMap(short, func(m *slots.Map) bool { return m.Assigned() > 0 }) != nil {
			return node.AddSlots(ctx, slots.Full())
		}
	}
	// It knows all members when it knows an owner of each slot.
	if err := node.WaitMap(ctx, func(m *slots.Map) bool { return m.Assigned() == slots.Count }); err != nil {
		return err
	}
	if err := replace(ctx, node); err != nil {
		return err
	}
	return node.Ready(ctx)
}

// replace takes the place of a node at whose address another one answers: that was this
// instance, before it was started again without a folder. The map shows such a node with
// that address or, once somebody has found out, with none.
func replace(ctx context.Context, node *slotmesh.Node) error {
	for _, n := range node.Map().Nodes() {
		if n.ID == node.ID() || n.Addr.Port != 0 && n.Addr.Client() != node.Addr().Client() {
			continue
		}
		if err := node.Forget(ctx, n.ID); err != nil {
			return err
		}
		if n.HasSlots() {
			log.Printf("taking over up to %d slots; their keys are lost", n.Slots.Len())
			return adopt(ctx, node, *n.Slots)
		}
	}
	return nil
}

// adopt makes the node the owner of those of the slots that nobody owns. Another
// instance, to which one of them was being moved, may claim it at the same time: then it
// tries again without that one.
func adopt(ctx context.Context, node *slotmesh.Node, set slots.Set) error {
	free := func() slots.Set {
		for slot := range set.All() {
			if node.Map().Owner(slot) != nil {
				set.Remove(slot)
			}
		}
		return set
	}
	for {
		want := free()
		if err := node.AddSlots(ctx, want); err == nil || free() == want {
			return err
		}
	}
}

// moving reports whether the node hands slots over.
func moving(node *slotmesh.Node) bool {
	for _, s := range node.Migrations() {
		if !s.Import && !s.Over() {
			return true
		}
	}
	return false
}

// share hands masters without slots a fair share of this node's.
func share(ctx context.Context, node *slotmesh.Node) {
	for m := range node.Changes(ctx) {
		var newcomer *slots.Node
		masters := 0
		for i := range m.Nodes() {
			if n := &m.Nodes()[i]; n.IsMaster() && n.Health == slots.Online {
				if masters++; !n.HasSlots() {
					newcomer = n
				}
			}
		}
		if newcomer == nil || !m.Self().HasSlots() || moving(node) || newcomer.ID == m.Self().ID {
			continue
		}
		var give slots.Set
		mine := m.Self().Slots.Len()
		for slot := range m.Self().Slots.All() {
			if give.Len() < mine/masters {
				give.Add(slot)
			}
		}
		log.Printf("%d slots for %s", give.Len(), newcomer.Addr.Client())
		if id, err := node.MigrateSlots(ctx, give, newcomer.ID); err != nil {
			log.Print(err)
		} else if err := node.WaitMigration(ctx, id); err != nil && ctx.Err() == nil {
			log.Print(err)
		}
	}
}

// handler serves any key at any instance.
func handler(node *slotmesh.Node) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /kv/{key}", func(w http.ResponseWriter, r *http.Request) {
		value, err := node.Get(r.Context(), r.PathValue("key"))
		if !failed(w, err) {
			w.Write(value)
		}
	})
	mux.HandleFunc("PUT /kv/{key}", func(w http.ResponseWriter, r *http.Request) {
		value, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err == nil {
			err = node.Set(r.Context(), r.PathValue("key"), value, 0)
		}
		if !failed(w, err) {
			w.WriteHeader(http.StatusNoContent)
		}
	})
	mux.HandleFunc("POST /visits", func(w http.ResponseWriter, r *http.Request) {
		n, err := node.Do(r.Context(), "INCR", "visits")
		if !failed(w, err) {
			fmt.Fprintln(w, n)
		}
	})
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), time.Second)
		defer cancel()
		if !failed(w, node.Ready(ctx)) {
			fmt.Fprintln(w, "ready")
		}
	})
	return mux
}

func failed(w http.ResponseWriter, err error) bool {
	switch {
	case err == nil:
		return false
	case errors.Is(err, slotmesh.ErrNotFound):
		http.Error(w, "not found", http.StatusNotFound)
	default:
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	}
	return true
}
