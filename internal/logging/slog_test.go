package logging

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/hashicorp/go-hclog"
)

// logTo returns a logger, and what it has logged since the last call as one record.
func logTo(t *testing.T, level slog.Level) (hclog.Logger, func() map[string]any) {
	var b bytes.Buffer
	l := FromSlog(slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{Level: level, AddSource: true})))
	return l, func() map[string]any {
		t.Helper()
		defer b.Reset()
		if b.Len() == 0 {
			return nil
		}
		var r map[string]any
		if err := json.Unmarshal(b.Bytes(), &r); err != nil {
			t.Fatalf("%s: %v", b.Bytes(), err)
		}
		return r
	}
}

func TestFromSlog(t *testing.T) {
	l, record := logTo(t, slog.LevelInfo)
	id := netip.MustParseAddr("10.0.0.1")
	named := l.Named("gossip").With("node", id).Named("link")
	named.Warn("gone", "for", hclog.Fmt("%d s", 3), "odd")
	r := record()
	source, _ := r["source"].(map[string]any)
	if r["msg"] != "gone" || r["level"] != "WARN" || r["logger"] != "gossip.link" || r["node"] != id.String() ||
		r["for"] != "3 s" || r["!BADKEY"] != "odd" {
		t.Errorf("logged %v", r)
	}
	if file, _ := source["file"].(string); filepath.Base(file) != "slog_test.go" {
		t.Errorf("the source is %v", source)
	}
	if named.Debug("quiet"); record() != nil {
		t.Error("a record below the level came through")
	}
	if named.IsDebug() || !named.IsInfo() || named.GetLevel() != hclog.Info || named.Name() != "gossip.link" ||
		len(named.ImpliedArgs()) != 2 {
		t.Error("the logger does not know its level, name or arguments")
	}
	named.StandardLogger(nil).Print("plain")
	if r := record(); r["msg"] != "plain" || r["node"] != id.String() {
		t.Errorf("the standard logger logged %v", r)
	}
	trace, record := logTo(t, LevelTrace)
	if trace.Trace("t"); record() == nil || !trace.IsTrace() || trace.GetLevel() != hclog.Trace {
		t.Error("trace does not come through")
	}
}
