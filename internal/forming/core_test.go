package forming

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

var start = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// Three nodes that reach each other found one cluster within a second.
func TestThreeNodesFoundACluster(t *testing.T) {
	list := []string{"n0:7000", "n1:7001", "n2:7002"}
	var cores []*Core
	for i := range list {
		cfg := Config{
			Terms: Terms{Name: "test", List: list, Expect: 3},
			Self: Peer{ID: slots.NodeID{byte(i + 1)},
				Addr: slots.Addr{Host: fmt.Sprintf("n%d", i), Port: 7000, BusPort: 17000}},
			Rand: rand.New(rand.NewPCG(1, uint64(i))),
		}
		c, err := New(cfg, nil, start)
		if err != nil {
			t.Fatal(err)
		}
		cores = append(cores, c)
	}
	decisions := make(map[int]*Value)
	for now := start; len(decisions) < 3; now = now.Add(TickEvery) {
		if now.Sub(start) > time.Second {
			t.Fatalf("%d of 3 know the decision after a second: %+v", len(decisions), cores[0].Status())
		}
		for i, c := range cores {
			c.Tick(now)
			out := c.Output()
			for _, s := range out.Sends {
				to := cores[int(s.Address[1]-'0')]
				c.Answer(now, s.Address, to.Handle(now, s.Request))
			}
			if out.Decision != nil {
				decisions[i] = out.Decision
			}
		}
	}
	for i := range cores {
		if decisions[i].Cluster != decisions[0].Cluster || len(decisions[i].Founders) != 3 {
			t.Errorf("node %d knows %+v, node 0 %+v", i, decisions[i], decisions[0])
		}
	}
}
