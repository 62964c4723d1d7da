// Command http is an HTTP service whose instances are the cluster that keeps its data: one binary, no server beside it.
//
//	go run ./examples/http -http :8001 -mesh 127.0.0.1:7001
//	go run ./examples/http -http :8002 -mesh 127.0.0.1:7002 -join 127.0.0.1:7001
//	go run ./examples/http -http :8003 -mesh 127.0.0.1:7003 -join 127.0.0.1:7001
//
//	curl -X PUT -d hello localhost:8001/kv/greeting
//	curl localhost:8003/kv/greeting
//	curl -X POST localhost:8002/visits
//
// The first instance owns all slots; it hands each newcomer a fair share, while all go on serving.
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
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/slots"
)

func main() {
	web := flag.String("http", ":8001", "where to serve HTTP")
	mesh := flag.String("mesh", "127.0.0.1:7001", "where to serve Redis clients; the bus is on the port + 10000")
	join := flag.String("join", "", "the -mesh of an instance that runs already; empty for the first one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *web, *mesh, *join); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, web, mesh, join string) error {
	node, err := slotmesh.New(slotmesh.Config{Addr: mesh, NodeTimeout: 2 * time.Second})
	if err != nil {
		return err
	}
	if err := node.Start(ctx); err != nil {
		return err
	}
	defer node.Close()
	if err := enter(ctx, node, join); err != nil {
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

// enter makes the node the first of a cluster, or a member of one.
func enter(ctx context.Context, node *slotmesh.Node, join string) error {
	if join == "" {
		return slotmesh.Create(ctx, node)
	}
	if err := node.Join(ctx, join); err != nil {
		return err
	}
	return node.Ready(ctx)
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
	keys := node.Router()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /kv/{key}", func(w http.ResponseWriter, r *http.Request) {
		value, err := keys.Get(r.Context(), r.PathValue("key"))
		if !failed(w, err) {
			w.Write(value)
		}
	})
	mux.HandleFunc("PUT /kv/{key}", func(w http.ResponseWriter, r *http.Request) {
		value, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err == nil {
			err = keys.Set(r.Context(), r.PathValue("key"), value, 0)
		}
		if !failed(w, err) {
			w.WriteHeader(http.StatusNoContent)
		}
	})
	mux.HandleFunc("POST /visits", func(w http.ResponseWriter, r *http.Request) {
		n, err := keys.Do(r.Context(), "INCR", "visits")
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
