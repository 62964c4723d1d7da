package interop

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// TestRedisServerResumes cuts the link of a real redis-server that replicates a node while
// clients write: it goes on where it was, without a new file, and ends equal.
func TestRedisServerResumes(t *testing.T) {
	t.Parallel()
	p := serve(t, "--cluster-enabled", "no", "--repl-backlog-size", "32mb")
	r := redisServer(t, "--cluster-enabled", "no", "--replicaof", fmt.Sprint("127.0.0.1 ", p.port))
	up := func() bool { return r.info()["master_link_status"] == "up" }
	r.eventually("is linked", 30*time.Second, up)
	seed := rand.Uint64()
	t.Log("seed", seed)
	m, c, commands := &mover{rand.New(rand.NewPCG(seed, 0)), 300}, client(t, p), 0
	const cuts = 8
	for range cuts {
		written := make(chan int)
		go func() {
			ctx, stop := context.WithTimeout(t.Context(), time.Second)
			defer stop()
			written <- m.write(ctx, c)
		}()
		if got := p.cli("client", "kill", "type", "replica"); got != "1" {
			t.Errorf("CLIENT KILL has closed %s connections", got)
		}
		commands += <-written
		r.eventually("is linked again", 30*time.Second, up)
	}
	r.eventually("has it all", 30*time.Second, func() bool {
		info := p.info()
		return p.cli("dbsize") == r.cli("dbsize") && info["slave0"] != "" &&
			r.info()["slave_repl_offset"] == r.info()["master_repl_offset"]
	})
	compareKeys(t, client(t, p), client(t, r), []*process{r})
	full, partial := p.resyncs()
	t.Logf("%d commands written, %d full syncs and %d partial ones", commands, full, partial)
	if full != 1 || partial != cuts {
		t.Error("want one full sync, and a partial one after each cut")
	}
}
