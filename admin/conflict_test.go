package admin_test

import (
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/slotmesh/slotmesh/admin"
)

// A key that the owner of its slot and another node hold with different values stops a
// fix, which then has changed neither of them; with leave, the one that is moved wins. If
// they are the same, there is nothing to ask.
func TestFixOfAKeyAtTwoNodes(t *testing.T) {
	for _, differ := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s := operate(t)
			slot := s.full(1)
			key := s.do(1, "CLUSTER", "GETKEYSINSLOT", slot, 1).Elems[0].Text()
			s.open(1, 2, slot)
			host, port, _ := net.SplitHostPort(s.c.Addrs()[2])
			s.do(1, "MIGRATE", host, port, key, 0, 5000, "COPY")
			s.stable(2, slot)
			s.stable(1, slot)
			if differ {
				s.do(1, "SET", key, "newer")
			}
			_, err := s.admin.Fix(t.Context(), s.view(), admin.FixOptions{})
			if !differ {
				if err != nil {
					t.Error(err)
				}
				s.sound()
				return
			}
			want := `key "` + key + `" of slot `
			overwrite := "--cluster-replace to overwrite that of " + s.c.Addrs()[1]
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), overwrite) {
				t.Fatalf("fixed: %v", err)
			}
			if got := s.do(1, "GET", key).Text(); got != "newer" {
				t.Errorf("the owner's key is %q", got)
			}
			if got := s.do(2, "CLUSTER", "COUNTKEYSINSLOT", slot).Int; got != 1 {
				t.Errorf("the other node holds %d keys of the slot", got)
			}
			if _, err := s.admin.Fix(t.Context(), s.view(), admin.FixOptions{Replace: true}); err != nil {
				t.Fatal(err)
			}
			s.sound() // with the value that the key had before
		})
	}
}
