package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/replication/oplog"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// logFolder returns a folder with a log of some writes, synced one by one.
func logFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	disk := storage.Dir(dir)
	stream := replication.NewStream(replication.StreamConfig{NewID: func() replication.ID { return replication.ID{1} }})
	store := keyspace.New(keyspace.Config{Sink: stream})
	in, h := stream.OpenLog(0)
	defer in.Close()
	log, err := oplog.Create(disk, h)
	if err != nil {
		t.Fatal(err)
	}
	cur, base := stream.Snapshot(0, nil)
	defer cur.Close()
	sender := replication.NewSender(replication.SenderConfig{Store: store, Source: cur, Offset: cur.Offset(), Full: true,
		Covered: stream.Offset})
	for sender.Holdable() < 0 {
		if base, err = sender.Next(base, 0); err != nil {
			t.Fatal(err)
		}
	}
	name := log.NextBase()
	if err := storage.WriteFile(disk, name, base); err != nil {
		t.Fatal(err)
	}
	if err := log.SetBase(name, h.Offset); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a", "b", "c"} {
		if err := store.Update(slots.Of([]byte(key)), func(tx *keyspace.Tx) error {
			return tx.Put([]byte(key), keyspace.String, []byte("value"), 0)
		}); err != nil {
			t.Fatal(err)
		}
		at := in.Offset()
		b, _, _, err := in.Next(1 << 10)
		if err == nil {
			err = log.Append(at, b)
		}
		if err == nil {
			err = log.Sync()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestCheckLog(t *testing.T) {
	empty, dir := t.TempDir(), logFolder(t)
	segment := filepath.Join(dir, "log.1.segment")
	whole, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	check := func(code int, stdout, stderr string, args ...string) {
		t.Helper()
		gotCode, gotOut, gotErr := call(append([]string{"check-log"}, args...)...)
		if gotCode != code || !strings.Contains(gotOut, stdout) || !strings.Contains(gotErr, stderr) {
			t.Errorf("check-log %v: exit code %d, want %d, %q and %q\nstdout: %s\nstderr: %s", args, gotCode, code, stdout,
				stderr, gotOut, gotErr)
		}
	}
	put := func(data []byte) {
		t.Helper()
		if err := os.WriteFile(segment, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check(exitUsage, "", "name the folder")
	check(exitError, "", "there is no log in "+empty, empty)
	check(exitOK, "3 records in 4 batches", "", dir)
	check(exitOK, "[OK] The log can be loaded.", "", dir)
	put(whole[:len(whole)-41]) // the end of the note that all is synced, and a byte before it
	check(exitOK, "[WARNING] log.1.segment is torn at byte 216: a start cuts 63 bytes; records that begin there: 1.", "",
		dir)
	put(bytes.Replace(whole, []byte("value"), []byte("wrong"), 1))
	check(exitError, "[ERR] log.1.segment is damaged at byte 88: the checksum", "--fix cuts the log", dir)
	unlock, err := storage.Dir(dir).Lock()
	if err != nil {
		t.Fatal(err)
	}
	check(exitError, "[WARNING] The folder", "", dir)
	check(exitError, "", "in use by another node", "--fix", dir)
	unlock()
	check(exitOK, "records that can be seen to begin there: 3", "", "--fix", dir)
	check(exitOK, "0 keys at offset 0 of history 01", "", dir)
	if copied, err := os.ReadFile(segment + oplog.CopySuffix); err != nil || len(copied) != len(whole) {
		t.Errorf("the copy has %d bytes, %v", len(copied), err)
	}
	if err := os.Truncate(filepath.Join(dir, "log.2.base"), 20); err != nil {
		t.Fatal(err)
	}
	check(exitError, "[ERR] log.2.base is damaged", "the log cannot be mended", "--fix", dir)
}
