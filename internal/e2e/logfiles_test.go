package e2e_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/storage"
)

// alone is a standalone node.
type alone struct {
	*slotmesh.Node
	t       *testing.T
	network *memnet.Network
	host    string
}

func newAlone(t *testing.T, cfg slotmesh.Config) *alone {
	t.Helper()
	return newAloneAt(t, memnet.New(), "10.0.0.1", cfg)
}

func newAloneAt(t *testing.T, network *memnet.Network, host string, cfg slotmesh.Config) *alone {
	t.Helper()
	cfg.Standalone, cfg.Network, cfg.Addr = true, network.Host(host), host+":7000"
	cfg.Clients.Open = true
	cfg.Snapshot.Rules = []replication.SaveRule{}
	n, err := slotmesh.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return &alone{n, t, network, host}
}

func startAlone(t *testing.T, cfg slotmesh.Config) *alone {
	t.Helper()
	n := newAlone(t, cfg)
	if err := n.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return n
}

// ask is the reply to a line on a connection of its own.
func (n *alone) ask(line string) string {
	n.t.Helper()
	conn, err := n.network.Host("10.0.0.99").Dial(n.t.Context(), n.host+":7000")
	if err != nil {
		return err.Error()
	}
	c := resp.NewConn(conn)
	defer c.Close()
	reply, err := c.Do(strings.Fields(line)...)
	if err != nil {
		return err.Error()
	}
	return reply.Text()
}

// info returns a number of INFO.
func (n *alone) info(name string) int64 {
	n.t.Helper()
	for line := range strings.Lines(n.ask("INFO")) {
		if text, ok := strings.CutPrefix(line, name+":"); ok {
			v, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
			if err != nil {
				n.t.Error(err)
			}
			return v
		}
	}
	return -1
}

// slowDir is a folder of which each Read of a file returns when the test lets it.
type slowDir struct {
	storage.Dir
	reads chan struct{}
}

func (d slowDir) Open(name string) (io.ReadCloser, error) {
	f, err := os.Open(filepath.Join(string(d.Dir), name))
	if err != nil {
		return nil, err
	}
	return slowFile{f, d.reads}, nil
}

type slowFile struct {
	*os.File
	reads chan struct{}
}

func (f slowFile) Read(b []byte) (int, error) {
	<-f.reads
	return f.File.Read(b)
}

// INFO tells how far a node has read its files, of a log with a base and of a snapshot alike.
func TestLoadingProgress(t *testing.T) {
	for name, sync := range map[string]slotmesh.LogSync{"log": slotmesh.LogNever, "snapshot": slotmesh.LogOff} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			cfg := slotmesh.Config{Dir: dir}
			cfg.Log.Sync = sync
			synctest.Test(t, func(t *testing.T) {
				n := startAlone(t, cfg)
				value := strings.Repeat("x", 10_000)
				for i := range 500 {
					if i == 250 && sync != slotmesh.LogOff {
						n.ask("BGREWRITEAOF")
						time.Sleep(time.Minute)
					}
					n.ask(fmt.Sprint("SET key", i, " ", value))
				}
				if sync == slotmesh.LogOff {
					n.ask("SAVE")
				}
				n.Close()
			})
			var size int64
			for _, pattern := range []string{"log.*.base", "log.*.segment", "*.smdb"} {
				files, _ := filepath.Glob(filepath.Join(dir, pattern))
				for _, file := range files {
					if info, err := os.Stat(file); err == nil {
						size += info.Size()
					}
				}
			}
			synctest.Test(t, func(t *testing.T) {
				reads := make(chan struct{})
				cfg.Disk = slowDir{storage.Dir(dir), reads}
				n := newAlone(t, cfg)
				began, started := time.Now(), make(chan error)
				go func() { started <- n.Start(t.Context()) }()
				var last int64
				seen := map[int64]bool{} // quarters
				for ended := false; !ended; {
					synctest.Wait()
					select {
					case err := <-started:
						if err != nil {
							t.Error(err)
						}
						ended = true
						continue
					case reads <- struct{}{}:
					}
					time.Sleep(100 * time.Millisecond)
					synctest.Wait()
					if n.info("loading") != 1 {
						continue
					}
					loaded, total := n.info("loading_loaded_bytes"), n.info("loading_total_bytes")
					if loaded < last || loaded > total || n.info("loading_start_time") != began.Unix() {
						t.Fatalf("%d bytes of %d after %d, since %d", loaded, total, last, n.info("loading_start_time"))
					}
					last = loaded
					if loaded == 0 {
						continue
					}
					if total < size || total > size+4096 {
						t.Fatalf("%d bytes in all, the files have %d", total, size)
					}
					seen[4*loaded/(total+1)] = true
					took := time.Since(began).Seconds()
					if eta, want := n.info("loading_eta_seconds"), int64(took*float64(total-loaded)/float64(loaded)); eta < want-1 ||
						eta > want+1 {
						t.Errorf("it takes %d s more, want %d", eta, want)
					}
				}
				close(reads)
				if len(seen) != 4 || last < size*9/10 {
					t.Errorf("the last that was told is %d of %d, with the quarters %v", last, size, seen)
				}
				if got := n.ask("DBSIZE"); got != "500" {
					t.Errorf("%s keys", got)
				}
				n.Close()
			})
		})
	}
}

// The log is turned on and off, and rewritten, while clients write: after a start nothing that
// was written is lost.
func TestLogIsTurnedOnAndOffUnderLoad(t *testing.T) {
	rnd := rand.New(rand.NewPCG(rand.Uint64(), 0))
	dir := t.TempDir()
	cfg := slotmesh.Config{Dir: dir}
	var acked [4]int64
	for round := range 12 {
		cfg.Log.Sync = []slotmesh.LogSync{slotmesh.LogOff, slotmesh.LogEverySecond}[rnd.IntN(2)]
		synctest.Test(t, func(t *testing.T) {
			n := startAlone(t, cfg)
			var writers sync.WaitGroup
			stop := make(chan struct{})
			for i := range acked {
				key := fmt.Sprint("counter:", i)
				if got := n.ask("GET " + key); acked[i] > 0 && got != fmt.Sprint(acked[i]) {
					t.Fatalf("round %d: %s is %s, want %d", round, key, got, acked[i])
				}
				writers.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						if got := n.ask("INCR " + key); got != fmt.Sprint(acked[i]+1) {
							t.Errorf("round %d: %s: %s after %d", round, key, got, acked[i])
							return
						}
						acked[i]++
						time.Sleep(time.Millisecond)
					}
				})
			}
			for range 1 + rnd.IntN(5) {
				time.Sleep(time.Duration(rnd.IntN(50)) * time.Millisecond)
				on := []string{"no", "yes"}[rnd.IntN(2)]
				if got := n.ask("CONFIG SET appendonly " + on); got != "OK" {
					t.Errorf("round %d: appendonly %s: %s", round, on, got)
				}
				if rnd.IntN(3) == 0 {
					n.ask("BGREWRITEAOF")
				}
			}
			close(stop)
			writers.Wait()
			if n.info("aof_enabled") == 0 { // it is for snapshots then
				n.ask("SAVE")
			}
			n.Close()
		})
		if t.Failed() {
			return
		}
	}
}

// A start removes files of a log that the manifest does not name, as a crash in the middle of a
// rewrite leaves them, and no others.
func TestLeftOverFiles(t *testing.T) {
	dir := t.TempDir()
	cfg := slotmesh.Config{Dir: dir}
	cfg.Log.Sync = slotmesh.LogEverySecond
	left := []string{"log.77.base", "log.78.segment"}
	others := []string{"log.txt", "mylog.79.base", "log.x.base", "log.80.base.bak"}
	synctest.Test(t, func(t *testing.T) {
		n := startAlone(t, cfg)
		n.ask("SET k v")
		n.Close()
		for _, name := range append(left, others...) {
			if err := os.WriteFile(filepath.Join(dir, name), []byte("half of it"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		n = startAlone(t, cfg)
		time.Sleep(time.Minute)
		if got := n.ask("GET k"); got != "v" {
			t.Errorf("k is %q", got)
		}
		n.Close()
	})
	for _, name := range left {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
	for _, name := range others {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}
