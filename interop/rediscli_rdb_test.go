package interop

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// allTypes fills a node with keys of all types.
func allTypes(t *testing.T, p *process) {
	t.Helper()
	for _, line := range []string{"SET {a}s v", "SET {a}e v PXAT 99999999999999", "HSET {a}h f v", "SADD {a}i 1 2 3",
		"SADD {a}m x y", "ZADD {a}z 1.5 m", "RPUSH {a}l a b c", "XADD {a}x 1-1 f v", "XGROUP CREATE {a}x g 0",
		"XREADGROUP GROUP g c STREAMS {a}x >"} {
		if out := p.cli(strings.Fields(line)...); strings.Contains(out, "ERR") {
			t.Fatalf("%s: %s", line, out)
		}
	}
	if out := p.cli("FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('f', function() return 1 end)"); out != "lib" {
		t.Fatal(out)
	}
}

const keysOfAllTypes = 8

// checkRDB makes sure that redis-check-rdb accepts a file with so many keys.
func checkRDB(t *testing.T, file string, keys int) {
	t.Helper()
	needs(t, "redis-check-rdb")
	out, err := exec.Command("redis-check-rdb", file).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "RDB looks OK") ||
		!strings.Contains(string(out), fmt.Sprintf("%d keys read", keys)) {
		t.Errorf("redis-check-rdb, %v:\n%s", err, out)
	}
}

// TestRedisCLISavesRDB takes the files of a master by the stock tool, in each of its ways.
func TestRedisCLISavesRDB(t *testing.T) {
	t.Parallel()
	needs(t, "redis-cli")
	p := serve(t)
	p.cli("cluster", "addslotsrange", "0", "16383")
	p.eventually("serves", 20*time.Second, func() bool { return p.cli("set", "k", "v") == "OK" && p.cli("del", "k") == "1" })
	allTypes(t, p)
	dir := t.TempDir()
	port := fmt.Sprint(p.port)
	redisCLI(t, "-p", port, "--rdb", filepath.Join(dir, "all.rdb"))
	checkRDB(t, filepath.Join(dir, "all.rdb"), keysOfAllTypes)
	redisCLI(t, "-p", port, "--functions-rdb", filepath.Join(dir, "functions.rdb"))
	checkRDB(t, filepath.Join(dir, "functions.rdb"), 0)
	if out := redisCLI(t, "--cluster", "backup", p.addr(), dir); !strings.Contains(out, "[OK] Backup created into") {
		t.Errorf("backup printed:\n%s", out)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "redis-node-*.rdb"))
	if len(files) != 1 {
		t.Fatalf("backup has written %q", files)
	}
	checkRDB(t, files[0], keysOfAllTypes)
}

// TestRedisCLIReplica shows the stream of commands to the stock tool.
func TestRedisCLIReplica(t *testing.T) {
	t.Parallel()
	needs(t, "redis-cli")
	p := serve(t, "--cluster-enabled", "no")
	var out output
	cmd := exec.Command("redis-cli", "-p", fmt.Sprint(p.port), "--replica")
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	p.eventually("has a replica", 20*time.Second, func() bool { return strings.Contains(p.info()["slave0"], "state=online") })
	p.cli("set", "key", "value")
	p.eventually("tells the write", 20*time.Second, func() bool {
		return strings.Contains(out.String(), `"SET","key","value"`)
	})
}

// TestRedisServerFollows lets a real redis-server replicate a standalone node and one master
// of a cluster.
func TestRedisServerFollows(t *testing.T) {
	t.Parallel()
	alone, member := serve(t, "--cluster-enabled", "no"), serve(t)
	member.cli("cluster", "addslotsrange", "0", "16383")
	member.eventually("serves", 20*time.Second,
		func() bool { return member.cli("set", "k", "v") == "OK" && member.cli("del", "k") == "1" })
	for _, p := range []*process{alone, member} {
		allTypes(t, p)
		r := redisServer(t, "--cluster-enabled", "no", "--replicaof", fmt.Sprint("127.0.0.1 ", p.port))
		r.eventually("is linked", 30*time.Second, func() bool { return r.info()["master_link_status"] == "up" })
		if got := r.cli("dbsize"); got != fmt.Sprint(keysOfAllTypes) {
			t.Errorf("the follower has %s keys", got)
		}
		if got := r.cli("function", "list"); !strings.Contains(got, "lib") {
			t.Errorf("functions: %s", got)
		}
		p.cli("function", "delete", "lib")
		p.cli("xadd", "{a}x", "2-1", "f", "w")
		p.cli("rename", "{a}l", "{a}list")
		p.cli("hdel", "{a}h", "f")
		r.eventually("has the changes", 20*time.Second, func() bool {
			return r.cli("xlen", "{a}x") == "2" && r.cli("exists", "{a}list") == "1" && r.cli("exists", "{a}l", "{a}h") == "0" &&
				!strings.Contains(r.cli("function", "list"), "lib")
		})
		r.eventually("acknowledges", 20*time.Second, func() bool {
			return strings.Contains(p.info()["slave0"], "offset="+p.info()["master_repl_offset"]+",")
		})
		if !strings.Contains(p.ask("client", "list", "type", "replica"), "flags=S") {
			t.Error("CLIENT LIST does not show the follower")
		}
	}
}
