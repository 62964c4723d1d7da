package admin_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/admin"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/script"
)

// shelf is nodes whose functions a test looks at.
type shelf struct {
	t     *testing.T
	c     *clustertest.Cluster
	admin *admin.Client
}

func newShelf(t *testing.T, cfg clustertest.Config) *shelf {
	s := &shelf{t: t, c: clustertest.Start(t, cfg)}
	var err error
	if s.admin, err = admin.New(admin.Config{Dial: func(ctx context.Context, addr string) (net.Conn, error) {
		return s.c.Dial(ctx, "tcp", addr)
	}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.admin.Close() })
	return s
}

// add starts a node that is in no cluster yet.
func (s *shelf) add(host string) (addr string) {
	s.t.Helper()
	n, err := slotmesh.New(slotmesh.Config{Addr: host + ":7000", Network: s.c.Host(host), OpenBus: true,
		Clients: slotmesh.ClientConfig{Open: true}, Scripts: script.New(script.Config{})})
	if err == nil {
		err = n.Start(s.t.Context())
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { n.Close() })
	return host + ":7000"
}

func (s *shelf) do(addr string, args ...string) *resp.Reply {
	s.t.Helper()
	conn, err := s.c.Dial(s.t.Context(), "tcp", addr)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	reply, err := resp.NewConn(conn).Do(args...)
	if err != nil {
		s.t.Fatalf("%s: %.60q: %v", addr, args, err)
	}
	return &reply
}

func (s *shelf) load(addr, name string) {
	s.t.Helper()
	s.do(addr, "FUNCTION", "LOAD",
		fmt.Sprintf("#!lua name=%s\nredis.register_function('%[1]s', function() return 1 end)", name))
}

// libraries returns the names of the libraries at a node.
func (s *shelf) libraries(addr string) string {
	s.t.Helper()
	var names []string
	for _, l := range s.do(addr, "FUNCTION", "LIST").Elems {
		names = append(names, l.Lookup("library_name").Text())
	}
	return strings.Join(names, " ")
}

// A new master gets the functions of the cluster before it is in it; a node with others is
// refused.
func TestAddNodeBringsFunctions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t, clustertest.Config{Masters: 3})
		entry := s.c.Addrs()[0]
		add := func(addr string, replica bool) error {
			v, err := s.admin.View(t.Context(), entry)
			if err != nil {
				return err
			}
			plan, err := s.admin.PlanAddNode(t.Context(), v, admin.AddNode{Node: addr, Replica: replica})
			if err != nil {
				return err
			}
			return s.admin.AddNode(t.Context(), v, plan)
		}
		odd := s.add("10.1.1.1")
		s.load(odd, "odd")
		if err := add(odd, false); !errors.Is(err, admin.ErrNotEmpty) || !strings.Contains(err.Error(), "FUNCTION FLUSH") {
			t.Errorf("a node with functions, and a cluster without: %v", err)
		}
		v, err := s.admin.View(t.Context(), entry)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"a", "b"} { // as slotmesh call does
			for _, answer := range s.admin.Call(t.Context(), v, admin.OnlyMasters, "FUNCTION", "LOAD",
				"#!lua name="+name+"\nredis.register_function('"+name+"', function() return 1 end)") {
				if answer.Err != nil || answer.Text != name {
					t.Errorf("%+v", answer)
				}
			}
		}
		if err := add(odd, false); !errors.Is(err, admin.ErrNotEmpty) {
			t.Errorf("a node with other functions: %v", err)
		}
		if err := add(odd, true); !errors.Is(err, admin.ErrNotEmpty) || s.libraries(odd) != "odd" {
			t.Errorf("as a replica: %v", err)
		}
		s.do(odd, "FUNCTION", "FLUSH")
		if err := add(odd, false); err != nil || s.libraries(odd) != "a b" {
			t.Errorf("a node without functions: %v, %q", err, s.libraries(odd))
		}
		same := s.add("10.1.1.2")
		s.load(same, "b")
		s.load(same, "a")
		if err := add(same, false); err != nil || s.libraries(same) != "a b" {
			t.Errorf("a node with the same functions: %v, %q", err, s.libraries(same))
		}
		replica := s.add("10.1.1.3")
		if err := add(replica, true); err != nil {
			t.Errorf("a replica: %v", err)
		}
	})
}

// The masters of a new cluster all get the functions that one of them has.
func TestCreateBringsFunctions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t, clustertest.Config{Masters: 1})
		var addrs []string
		for i := range 3 {
			addrs = append(addrs, s.add(fmt.Sprint("10.1.1.", i+1)))
		}
		s.load(addrs[1], "a")
		s.load(addrs[2], "odd")
		plan, err := admin.PlanCreate(addrs, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.admin.Create(t.Context(), plan); !errors.Is(err, admin.ErrNotEmpty) {
			t.Errorf("nodes with different functions: %v", err)
		}
		s.do(addrs[2], "FUNCTION", "FLUSH")
		if err := s.admin.Create(t.Context(), plan); err != nil {
			t.Fatal(err)
		}
		for _, addr := range addrs {
			if got := s.libraries(addr); got != "a" {
				t.Errorf("node %s has the libraries %q", addr, got)
			}
		}
	})
}
