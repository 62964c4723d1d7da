package interop

import (
	"os"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh"
)

// TestStockConfiguration reads the file that comes with Debian's redis-server: it must
// start a node, and what it tunes in Redis is told in one line.
func TestStockConfiguration(t *testing.T) {
	t.Parallel()
	const stock = "/etc/redis/redis.conf"
	if _, err := os.Stat(stock); err != nil {
		t.Skipf("redis-server's own configuration is not installed here: %v", err)
	}
	cfg, warnings, err := slotmesh.LoadConfig(stock, "--dir", t.TempDir(), "--logfile", "")
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) > 1 || len(warnings) == 1 && !strings.Contains(warnings[0],
		"directives are ignored, for there is nothing here that they could tune: ") {
		t.Errorf("warnings:\n%s", strings.Join(warnings, "\n"))
	}
	if cfg.Addr != "127.0.0.1:6379" || cfg.Clients.Open {
		t.Errorf("Addr %s, open %v", cfg.Addr, cfg.Clients.Open)
	}
}
