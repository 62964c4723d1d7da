package server

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// fakeLog is a log that stands as the test says.
type fakeLog struct {
	status    LogStatus
	scheduled bool  // of Rewrite
	err       error // of Rewrite
}

func (l *fakeLog) Status() LogStatus      { return l.status }
func (l *fakeLog) Rewrite() (bool, error) { return l.scheduled, l.err }

func TestBGRewriteAOF(t *testing.T) {
	const off = "-ERR this node keeps no append-only file: CONFIG SET appendonly yes begins one"
	expect(t, connect(t, startServer(t, Config{})), "BGREWRITEAOF", off)
	log, snapshots := &fakeLog{}, &fakeSnapshots{}
	c := connect(t, startServer(t, Config{Log: log, Snapshots: snapshots}))
	expect(t, c, "BGREWRITEAOF", off)
	log.status.On = true
	expect(t, c, "BGREWRITEAOF", "+Background append only file rewriting started")
	expect(t, c, "BGREWRITEAOF x", "-ERR wrong number of arguments for 'bgrewriteaof' command")
	snapshots.status.Saving = true
	expect(t, c, "BGREWRITEAOF", "+Background append only file rewriting scheduled")
	snapshots.status.Saving, log.scheduled = false, true
	expect(t, c, "BGREWRITEAOF", "+Background append only file rewriting scheduled")
	log.scheduled = false
	expect(t, c, "MULTI", "+OK")
	expect(t, c, "BGREWRITEAOF", "+QUEUED")
	expect(t, c, "EXEC", "[+Background append only file rewriting scheduled]")
	log.status.Rewriting = true
	expect(t, c, "BGREWRITEAOF", "-ERR Background append only file rewriting already in progress")
	log.status.Rewriting, log.err = false, errors.New("closed")
	expect(t, c, "BGREWRITEAOF", "-ERR Can't execute an AOF background rewriting. Please check the server logs for more "+
		"information.")
}

// A snapshot is not written beside a rewrite of the log, nor in a transaction.
func TestBGSaveBesideARewrite(t *testing.T) {
	log, snapshots := &fakeLog{}, &fakeSnapshots{}
	log.status.On, log.status.Rewriting = true, true
	c := connect(t, startServer(t, Config{Log: log, Snapshots: snapshots}))
	expect(t, c, "BGSAVE", "-ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in "+
		"order to schedule a BGSAVE whenever possible.")
	expect(t, c, "BGSAVE SCHEDULE", "+Background saving scheduled")
	log.status.Rewriting = false
	expect(t, c, "MULTI", "+OK")
	expect(t, c, "BGSAVE", "+QUEUED")
	expect(t, c, "EXEC", "[+Background saving scheduled]")
	if n := snapshots.scheduled.Load(); n != 2 {
		t.Errorf("%d snapshots were scheduled", n)
	}
	expect(t, c, "BGSAVE SCHEDULE", "+Background saving started")
	snapshots.status.Saving = true
	expect(t, c, "BGSAVE SCHEDULE", "-ERR Background save already in progress")
}

func TestWaitAOF(t *testing.T) {
	log := &fakeLog{}
	acks := &heldAcks{}
	acks.term.Store(1)
	c := connect(t, startServer(t, Config{Acks: acks, Log: log}))
	for line, want := range map[string]string{
		"WAITAOF 0 1":      "-ERR wrong number of arguments for 'waitaof' command",
		"WAITAOF x 0 0":    "-ERR value is not an integer or out of range",
		"WAITAOF 2 0 0":    "-ERR value is out of range, value must between 0 and 1",
		"WAITAOF -1 0 0":   "-ERR value is out of range, value must between 0 and 1",
		"WAITAOF 0 -1 0":   "-ERR value is out of range, must be positive",
		"WAITAOF 0 x 0":    "-ERR value is out of range, must be positive",
		"WAITAOF 0 0 -1":   "-ERR timeout is negative",
		"WAITAOF 0 0 0.5":  "-ERR timeout is not an integer or out of range",
		"WAITAOF 1 0 10":   "-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.",
		"WAITAOF 0 1 1000": "[:1, :1]",
	} {
		expect(t, c, line, want)
	}
	log.status.On = true
	expect(t, c, "WAITAOF 1 1 0", "[:1, :1]")
	expect(t, c, "MULTI", "+OK")
	expect(t, c, "SET k v", "+QUEUED")
	expect(t, c, "WAITAOF 1 1 0", "+QUEUED")
	expect(t, c, "EXEC", "[+OK, [:1, :1]]")
	acks.term.Store(4)
	expect(t, c, "WAITAOF 1 1 0", "[:0, :0]")

	stuck := connect(t, startServer(t, Config{Acks: stuckAcks{}, Log: log}))
	began := time.Now()
	expect(t, stuck, "WAITAOF 1 0 20", "[:0, :0]")
	if took := time.Since(began); took < 20*time.Millisecond {
		t.Errorf("waited for %v", took)
	}
	alone := connect(t, startServer(t, Config{Log: log}))
	expect(t, alone, "WAITAOF 0 1 0", "[:0, :0]")
}

// linesOf returns the names of the lines of a section of INFO, in their order.
func linesOf(t *testing.T, c *resp.Conn, section string) string {
	t.Helper()
	reply, err := c.Do("INFO", section)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(regexp.MustCompile(`(?m)^\w+`).FindAllString(reply.Text(), -1), " ")
}

// INFO persistence has the lines of Redis in its order: those of a log only if there is one,
// those of loading only meanwhile.
func TestInfoPersistence(t *testing.T) {
	const always = "loading async_loading current_cow_peak current_cow_size current_cow_size_age current_fork_perc " +
		"current_save_keys_processed current_save_keys_total rdb_changes_since_last_save rdb_bgsave_in_progress " +
		"rdb_last_save_time rdb_last_bgsave_status rdb_last_bgsave_time_sec rdb_current_bgsave_time_sec rdb_saves " +
		"rdb_last_cow_size rdb_last_load_keys_expired rdb_last_load_keys_loaded aof_enabled aof_rewrite_in_progress " +
		"aof_rewrite_scheduled aof_last_rewrite_time_sec aof_current_rewrite_time_sec aof_last_bgrewrite_status " +
		"aof_rewrites aof_rewrites_consecutive_failures aof_last_write_status aof_last_cow_size module_fork_in_progress " +
		"module_fork_last_cow_size"
	log := &fakeLog{status: LogStatus{LastRewrite: -1}}
	snapshots := &fakeSnapshots{status: SnapshotStatus{Took: -1, Last: time.Unix(1000, 0)}}
	srv := startServer(t, Config{Log: log, Snapshots: snapshots})
	c := connect(t, srv)
	if got := linesOf(t, c, "persistence"); got != always {
		t.Errorf("without a log:\n%s\nwant\n%s", got, always)
	}
	lines, _ := infoOf(t, c, "persistence")
	for name, want := range map[string]string{"aof_enabled": "0", "aof_last_rewrite_time_sec": "-1",
		"aof_current_rewrite_time_sec": "-1", "aof_last_bgrewrite_status": "ok", "rdb_last_bgsave_time_sec": "-1",
		"rdb_current_bgsave_time_sec": "-1", "rdb_last_save_time": "1000"} {
		if lines[name] != want {
			t.Errorf("%s:%s, want %s", name, lines[name], want)
		}
	}
	const ofLog = " aof_current_size aof_base_size aof_pending_rewrite aof_buffer_length aof_pending_bio_fsync " +
		"aof_delayed_fsync"
	log.status = LogStatus{On: true, Size: 10, BaseSize: 5, Pending: 3, Syncing: true, Delayed: 2,
		WriteErr: errors.New("disk full"), Rewriting: true, CurrentRewrite: 1500 * time.Millisecond,
		LastRewrite: 2 * time.Second, RewriteErr: errors.New("disk full"), Rewrites: 4, InVain: 1}
	if got := linesOf(t, c, "persistence"); got != always+ofLog {
		t.Errorf("with a log:\n%s", got)
	}
	lines, _ = infoOf(t, c, "persistence")
	for name, want := range map[string]string{"aof_enabled": "1", "aof_rewrite_in_progress": "1",
		"aof_last_rewrite_time_sec": "2", "aof_current_rewrite_time_sec": "1", "aof_last_bgrewrite_status": "err",
		"aof_rewrites": "4", "aof_rewrites_consecutive_failures": "1", "aof_last_write_status": "err",
		"aof_current_size": "10", "aof_base_size": "5", "aof_buffer_length": "3", "aof_pending_bio_fsync": "1",
		"aof_delayed_fsync": "2"} {
		if lines[name] != want {
			t.Errorf("%s:%s, want %s", name, lines[name], want)
		}
	}
	srv.SetLoading(true)
	const ofLoading = " loading_start_time loading_total_bytes loading_rdb_used_mem loading_loaded_bytes " +
		"loading_loaded_perc loading_eta_seconds"
	if got := linesOf(t, c, "persistence"); got != always+ofLog+ofLoading {
		t.Errorf("while loading:\n%s", got)
	}
}
