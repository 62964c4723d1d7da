package admin_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/admin"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/rdb"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// importFile imports a file with a content.
func (s *shelf) importFile(content []byte, in admin.ImportFile) (admin.ImportFileResult, error) {
	s.t.Helper()
	in.Path = filepath.Join(s.t.TempDir(), "file")
	if err := os.WriteFile(in.Path, content, 0o600); err != nil {
		s.t.Fatal(err)
	}
	v, err := s.admin.View(s.t.Context(), s.c.Addrs()[0])
	if err != nil {
		s.t.Fatal(err)
	}
	return s.admin.ImportFile(s.t.Context(), v, in)
}

// text returns the reply of the owner of the key in a line.
func (s *shelf) text(line string) string {
	s.t.Helper()
	words := strings.Fields(line)
	v, err := s.admin.View(s.t.Context(), s.c.Addrs()[0])
	if err != nil {
		s.t.Fatal(err)
	}
	reply := s.do(v.Owner(slots.OfString(words[1])).Address, words...)
	switch reply.Kind {
	case resp.Null:
		return "nil"
	case resp.Int:
		return strconv.FormatInt(reply.Int, 10)
	}
	return reply.Text()
}

func (s *shelf) expect(pairs ...string) {
	s.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if got := s.text(pairs[i]); got != pairs[i+1] {
			s.t.Errorf("%s: %.100q, want %q", pairs[i], got, pairs[i+1])
		}
	}
}

// appended writes commands, each the words of a line.
func appended(lines ...string) []byte {
	var b []byte
	for _, line := range lines {
		b = resp.AppendCommand(b, strings.Fields(line)...)
	}
	return b
}

// TestImportFileInPieces brings collections in that are larger than what is held of one.
func TestImportFileInPieces(t *testing.T) {
	defer admin.SetImportPiece(1000)()
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t, clustertest.Config{Masters: 3})
		var b bytes.Buffer
		w := rdb.NewFileWriter(&b)
		w.FieldTimes = true
		w.Database(4, 0)
		until := time.Now().Add(time.Hour).UnixMilli()
		const n = 3500
		for _, typ := range []rdb.Type{rdb.List, rdb.Set, rdb.ZSet, rdb.Hash} {
			each := func(add func(*rdb.Element) error) error {
				for i := range n {
					e := rdb.Element{Name: fmt.Append(nil, "element ", i), Score: float64(i), Value: []byte("v")}
					if typ == rdb.Hash && i%1000 == 0 {
						e.ExpireAt = until
					}
					if err := add(&e); err != nil {
						return err
					}
				}
				return nil
			}
			o := &rdb.Outline{Type: typ}
			each(func(e *rdb.Element) error { o.Add(e); return nil })
			if err := w.Collection(fmt.Append(nil, "large:", typ), until, o, each); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if result, err := s.importFile(b.Bytes(), admin.ImportFile{Replace: true}); err != nil || result.Keys != 4 {
				t.Fatalf("%+v, %v", result, err)
			}
			s.expect("LLEN large:1", "3500", "LINDEX large:1 -1", "element 3499", "SCARD large:2", "3500",
				"ZCARD large:3", "3500", "ZCOUNT large:3 100 inf", "3400",
				"HLEN large:4", "3500", "PEXPIRETIME large:2", strconv.FormatInt(until, 10))
		}
		var failed *admin.ImportError
		if _, err := s.importFile(b.Bytes(), admin.ImportFile{}); !errors.As(err, &failed) || len(failed.Failed) != 4 {
			t.Errorf("keys that are there: %v", err)
		}
		s.expect("LLEN large:1", "3500")
	})
}

// TestImportFileExpiry carries out commands on keys whose time is over by now, but was not then.
func TestImportFileExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t, clustertest.Config{Masters: 3})
		past, later := time.Now().Add(-time.Minute).UnixMilli(), time.Now().Add(time.Hour*9).UnixMilli()
		soon := time.Now().Add(time.Minute).UnixMilli()
		r := strings.NewReplacer("PAST", fmt.Sprint(past), "LATER", fmt.Sprint(later), "SOON", fmt.Sprint(soon))
		result, err := s.importFile(appended(strings.Split(r.Replace(`SET prolonged 1 PXAT PAST
			INCR prolonged
			PEXPIREAT prolonged LATER
			SET kept 1
			PEXPIREAT kept PAST GT
			PERSIST kept
			SET over 1 PXAT PAST
			INCR over
			SET soon 1 PXAT SOON
			SET old 1 PXAT PAST
			RENAME old new
			RPUSH again 1
			PEXPIREAT again PAST
			LPOP again
			RPUSH again 2
			SET copied 1 PXAT PAST
			COPY copied copy
			PERSIST copy
			SET deleted 1 PXAT PAST
			DEL deleted other
			SET deleted 2`), "\n")...), admin.ImportFile{})
		if err != nil || result.Commands != 21 {
			t.Fatalf("%+v, %v", result, err)
		}
		s.expect("GET prolonged", "2", "PEXPIRETIME prolonged", fmt.Sprint(later), "PEXPIRETIME kept", "-1",
			"GET over", "nil",
			"PEXPIRETIME soon", fmt.Sprint(soon), "GET new", "nil", "GET old", "nil", "LINDEX again 0", "2", "GET copied", "nil",
			"PEXPIRETIME copy", "-1", "GET deleted", "2")
	})
}

// TestImportFileAcrossSlots carries out commands on keys of several slots.
func TestImportFileAcrossSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t, clustertest.Config{Masters: 3})
		content := appended("MSET a 1 b 2 c 3", "RENAME a d", "SADD s1 x y", "SADD s2 s1 z",
			"SUNIONSTORE s3 s1 s2", "SMOVE s2 s1 s1",
			"RPUSH l1 1 2", "LMOVE l1 l2 LEFT LEFT", "DEL b nothing", "MSETNX e 1 f 2", "SELECT 2", "SET z 1",
			"MOVE z 0", "SELECT 0", "MOVE f 1", "INCR d", "JSON.SET j . 1", "EVAL return 2 a b", "FUNCTION FLUSH")
		torn := append(content, "*2\r\n$3\r\nDEL\r\n$1\r\nd"...)
		want := func(in admin.ImportFile) {
			t.Helper()
			result, err := s.importFile(torn, in)
			var failed *admin.ImportError
			if !errors.As(err, &failed) || len(failed.Failed) != 3 || result.Torn != int64(len(torn)-len(content)) ||
				result.Skipped != 2 {
				t.Fatalf("%+v, %v", result, err)
			}
			s.expect("GET a", "nil", "GET d", "2", "GET c", "3", "SCARD s3", "4", "SISMEMBER s1 s1", "1", "SISMEMBER s2 s1", "0",
				"LINDEX l2 0", "1", "GET b", "nil", "GET e", "1", "GET f", "nil", "EXISTS {slotmesh-import}:0", "0")
		}
		if _, err := s.importFile(torn, admin.ImportFile{}); err == nil || !strings.Contains(err.Error(), "database 2") {
			t.Fatalf("another database: %v", err)
		}
		want(admin.ImportFile{SkipDatabases: true})
		if _, err := s.importFile(torn, admin.ImportFile{SkipDatabases: true}); !errors.Is(err, admin.ErrNotEmpty) {
			t.Fatalf("again: %v", err)
		}
		want(admin.ImportFile{SkipDatabases: true, Replace: true})
		if _, err := s.importFile(appended("FLUSHALL"), admin.ImportFile{Replace: true}); err == nil {
			t.Error("FLUSHALL beside other keys is carried out")
		}
		if _, err := s.importFile(appended("SWAPDB 0 1"), admin.ImportFile{SkipDatabases: true}); err == nil {
			t.Error("SWAPDB is passed over")
		}
		damaged := append(content, "?"...)
		if _, err := s.importFile(damaged, admin.ImportFile{Replace: true, SkipDatabases: true}); err == nil ||
			!strings.Contains(err.Error(), fmt.Sprintf("byte %d", len(content))) {
			t.Errorf("a damaged file: %v", err)
		}
	})
}

// TestImportFileOverExpiringKeys brings keys in that others are in the way of: those that end
// before they are compared do not matter.
func TestImportFileOverExpiringKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const step, delay = 5 * time.Millisecond, 20 * time.Millisecond
		s := newShelf(t, clustertest.Config{Masters: 1})
		var file bytes.Buffer
		w := rdb.NewFileWriter(&file)
		began := time.Now()
		for i := range 200 {
			key := strconv.Itoa(i)
			s.text(fmt.Sprintf("SET %s other PXAT %d", key, began.Add(time.Duration(i)*step).UnixMilli()))
			w.String([]byte(key), []byte("mine"), 0)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		s.c.Delay(delay)
		_, err := s.importFile(file.Bytes(), admin.ImportFile{})
		s.c.Delay(0)
		var failed *admin.ImportError
		if !errors.As(err, &failed) || len(failed.Failed) == 200 {
			t.Fatal(err)
		}
		first := 200
		for _, f := range failed.Failed {
			i, _ := strconv.Atoi(f.Key)
			first = min(first, i)
		}
		// The file's keys come after the fifth delay, the comparison after the seventh.
		if ends := time.Duration(first) * step; ends < 7*delay {
			t.Errorf("a key was in the way that ended after %v", ends)
		}
		for i := range first {
			s.expect("GET "+strconv.Itoa(i), "mine")
		}
	})
}
