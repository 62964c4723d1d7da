package server

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/keyspace"
)

// FuzzSession plays any bytes to a server: the session ends, and no command panics.
// The seeds are the commands of the scripts.
func FuzzSession(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	commands := regexp.MustCompile(`(?m)^\d*> (.*)$`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		var all strings.Builder
		for _, m := range commands.FindAllSubmatch(text, -1) {
			line := append(m[1], "\r\n"...)
			f.Add(line)
			all.Write(line)
		}
		f.Add([]byte(all.String()))
	}
	// Waiting is no fault, but slow.
	slow := regexp.MustCompile(`(?i)(pause|debug)`)
	f.Fuzz(func(t *testing.T, stream []byte) {
		if slow.Match(stream) || len(stream) > 4<<10 {
			return
		}
		var log bytes.Buffer
		store := keyspace.New(keyspace.Config{MaxMemory: 64 << 20})
		cfg := Config{Engine: engine.New(store), Cluster: newFakeCluster(),
			Logger: hclog.New(&hclog.LoggerOptions{Output: &log, Level: hclog.Error})}
		cfg.Dial = (&road{}).dial // MIGRATE leads nowhere
		cfg.Limits.MaxOutput = 16 << 20
		cfg.Limits.Query.MaxBulk = 1 << 20
		srv := startServer(t, cfg)
		srv.ServeConn(&loopConn{batch: stream, left: 1})
		srv.Close()
		if log.Len() > 0 {
			t.Fatal(log.String())
		}
	})
}
