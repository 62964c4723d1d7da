// Command http is an HTTP service whose instances are the cluster that keeps its data:
// one binary, no server beside it, no ids, nobody who creates anything.
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
// When three instances are there they found the cluster: a master and two replicas, so that
// any one of them may end. Further instances take the same list. With -dir an instance keeps
// its keys and its place over a restart, kill -9 included. Without, one that comes back is a
// new node, gets the keys from the others, and takes the place of the one it was.
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
	"strings"
	"time"

	"github.com/slotmesh/slotmesh"
)

func main() {
	web := flag.String("http", ":8001", "where to serve HTTP")
	mesh := flag.String("mesh", "127.0.0.1:7001", "where to serve Redis clients; the bus is on the port + 10000")
	nodes := flag.String("nodes", "", "the -mesh of some instances, the same list for all, separated by commas")
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
	node, err := slotmesh.New(slotmesh.Config{
		Addr: mesh, Dir: dir, Join: nodes, NodeTimeout: 2 * time.Second,
		Cluster: slotmesh.ClusterConfig{Expect: 3, Replicas: 2, ForgetAfter: time.Minute},
	})
	if err != nil {
		return err
	}
	if err := node.Start(ctx); err != nil {
		return err
	}
	defer node.Close()

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
