package interop

import (
	"errors"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/admin"
)

// backends are the servers that the same administration has to work on.
var backends = []backend{
	{"redis", redisServer},
	{"slotmesh", serve},
}

type backend struct {
	name  string
	start startFunc
}

type startFunc = func(*testing.T, ...string) *process

// eachBackend runs a test on every kind of server, and others of its kind meanwhile: most of
// their time they wait for a server, so go test's -parallel may be above the number of
// processors.
func eachBackend(t *testing.T, run func(t *testing.T, b backend)) {
	t.Parallel()
	for _, b := range backends {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			run(t, b)
		})
	}
}

func TestAdminCreate(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		nodes := servers(t, 6, b.start)
		c := adminClient(t, admin.Config{OnEvent: func(e admin.Event) { t.Logf("%v %+v", time.Now().Format("05.000"), e) }})
		ctx := soon(t)
		plan, err := admin.PlanCreate(addrs(nodes), 1)
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if err := c.Create(ctx, plan); err != nil {
			t.Fatal(err)
		}
		t.Logf("created in %v", time.Since(begin))
		view, err := c.View(ctx, nodes[5].addr())
		if err != nil {
			t.Fatal(err)
		}
		if report := admin.Check(view); !report.OK() {
			t.Errorf("check says\n%s", report)
		}
		if s := admin.Summarize(view); len(s.Masters) != 3 {
			t.Errorf("info says\n%s", s)
		}
		// Again is not an error, another plan is.
		if err := c.Create(ctx, plan); err != nil {
			t.Errorf("creating again: %v", err)
		}
		other, err := admin.PlanCreate(addrs(nodes), 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Create(ctx, other); !errors.Is(err, admin.ErrNotEmpty) {
			t.Errorf("creating another cluster of the same nodes: %v", err)
		}
	})
}
