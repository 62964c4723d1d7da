package interop

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/slotmesh/slotmesh/admin"
	"github.com/slotmesh/slotmesh/internal/rdb"
)

// TestImportFiles brings the files of a real Redis into a cluster of three masters: a saved one,
// one that redis-cli fetched, and its append-only file with a base and what was written since,
// once and again.
func TestImportFiles(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		const keys = 5000
		ctx := soon(t)
		source := redisServer(t, "--cluster-enabled", "no", "--appendonly", "yes", "--auto-aof-rewrite-percentage", "0",
			"--enable-debug-command", "yes")
		old := redis.NewClient(&redis.Options{Addr: source.addr()})
		defer old.Close()
		seed := rand.Uint64()
		t.Log("seed", seed)
		m := &mover{rand.New(rand.NewPCG(seed, 0)), keys / 10}
		if err := m.fill(ctx, old, keys); err != nil {
			t.Fatal(err)
		}
		old.Do(ctx, "function", "load", "#!lua name=mine\nredis.register_function('f', function() return 1 end)")
		old.Do(ctx, "bgrewriteaof")
		source.eventually("a base", time.Minute, func() bool {
			list, _ := filepath.Glob(filepath.Join(source.dir, "appendonlydir", "*.2.base.rdb"))
			return len(list) == 1 && strings.Contains(source.cli("info", "persistence"), "aof_rewrite_in_progress:0")
		})
		written := writeFor(ctx, m, old, 3*time.Second)
		old.Do(ctx, "function", "load", "#!lua name=late\nredis.register_function('g', function() return 2 end)")
		if got := source.cli("save"); got != "OK" {
			t.Fatal(got)
		}
		fetched := filepath.Join(t.TempDir(), "fetched.rdb")
		needs(t, "redis-cli")
		out, err := exec.Command("redis-cli", "-p", strconv.Itoa(source.port), "--rdb", fetched).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}

		_, nodes := created(t, 3, 0, b.start)
		c := adminClient(t, admin.Config{OnEvent: func(e admin.Event) { t.Logf("%T %v", e, e) }})
		load := func(path string, replace bool) admin.ImportFileResult {
			t.Helper()
			began := time.Now()
			result, err := c.ImportFile(ctx, view(t, c, nodes[0]), admin.ImportFile{Path: path, Replace: replace,
				SkipDatabases: true})
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			t.Logf("%s in %v: %+v", filepath.Base(path), time.Since(began), result)
			compareMoved(t, old, nodes)
			for _, p := range nodes {
				if got := p.cli("function", "list"); !strings.Contains(got, "mine") || !strings.Contains(got, "late") {
					t.Errorf("functions: %s", got)
				}
			}
			return result
		}
		_, err = c.ImportFile(ctx, view(t, c, nodes[0]), admin.ImportFile{Path: filepath.Join(source.dir, "dump.rdb")})
		if err == nil || !strings.Contains(err.Error(), "database 1") {
			t.Errorf("a file with two databases: %v", err)
		}
		for _, path := range []string{filepath.Join(source.dir, "dump.rdb"), fetched} {
			if result := load(path, false); result.Keys < keys/2 {
				t.Errorf("%+v", result)
			}
		}

		folder := filepath.Join(source.dir, "appendonlydir")
		_, err = c.ImportFile(ctx, view(t, c, nodes[0]), admin.ImportFile{Path: folder, SkipDatabases: true})
		if !errors.Is(err, admin.ErrNotEmpty) {
			t.Errorf("an append-only file beside other keys: %v", err)
		}
		for _, p := range nodes {
			p.cli("flushall")
			p.cli("function", "flush")
		}
		// What a server makes of such a file is not all what it had: how much groups of streams have read.
		if got := source.cli("debug", "loadaof"); got != "OK" {
			t.Fatal(got)
		}
		for _, replace := range []bool{false, true} {
			if result := load(folder, replace); result.Commands < int64(written)/4 || result.Keys < keys/2 {
				t.Errorf("%+v, of %d commands", result, written)
			}
		}
	})
}

// writeFor writes batches of random commands, but for those that are about keys they do not name:
// what these have read is not in an append-only file.
func writeFor(ctx context.Context, m *mover, c *redis.Client, d time.Duration) (commands int) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		p := c.Pipeline()
		if m.rnd.IntN(4) == 0 {
			p = c.TxPipeline()
		}
		for range 1 + m.rnd.IntN(30) {
			cmd := m.command()
			if cmd[1] == nil || cmd[0] == "sort" && cmd[2] == "by" {
				continue
			}
			p.Do(ctx, cmd...)
			commands++
		}
		p.Exec(ctx)
	}
	return commands
}

// streamText returns all of a stream but for when its consumers were seen: that is when their
// commands were carried out, here or at a server that loads them. It is empty if dump is no stream.
func streamText(dump string) string {
	v, err := rdb.Parse([]byte(dump))
	if err != nil || v.Type != rdb.Stream {
		return ""
	}
	var b strings.Builder
	v.Each(func(e *rdb.Element) error {
		part := *e.Stream
		if part.Kind == rdb.StreamConsumer {
			part.Time = 0
		}
		fmt.Fprintf(&b, "%+v\n", part)
		return nil
	})
	return b.String()
}
