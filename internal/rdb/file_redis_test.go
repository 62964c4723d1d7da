package rdb

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestFilesOfRedis reads files that a real redis-server writes, of all types and encodings: what
// they say of a key is what DUMP says. What is made of them is loaded by another one, which has the
// same keys then.
func TestFilesOfRedis(t *testing.T) {
	redis := startRedis(t, "--enable-debug-command", "yes")
	redis.fill(t)
	digest := redis.do(t, "DEBUG", "DIGEST")
	for _, compression := range []string{"yes", "no"} {
		redis.do(t, "CONFIG", "SET", "rdbcompression", compression)
		if got := redis.do(t, "SAVE"); got != "+OK" {
			t.Fatal(got)
		}
		file, err := os.ReadFile(filepath.Join(redis.dir, "dump.rdb"))
		if err != nil {
			t.Fatal(err)
		}
		dumps := redis.compareFile(t, file)
		for _, elements := range []bool{false, true} {
			loadInRedis(t, rewrite(t, file, elements), digest, dumps)
		}
	}
}

// fill makes keys of all types and encodings, some of which expire, and functions.
func (c *redis) fill(t *testing.T) {
	const keys = 100_000
	r := rand.New(rand.NewPCG(7, 8))
	c.do(t, "DEBUG", "POPULATE", strconv.Itoa(keys), "populated", "10")
	texts := []string{"", "0", "-7", "12345678901", "-2147483648", "x", long[:21], long, string(randomString(r))}
	for i, s := range texts {
		c.do(t, "SET", fmt.Sprint("string:", i), s)
	}
	for i := range 300 {
		typ := []Type{List, Set, ZSet, Hash}[i%4]
		payload := encode(t, typ, i%8 < 4, randomElements(r, typ))
		ttl := []string{"0", "100000000", "1000000000000"}[i%3]
		if got := c.do(t, "RESTORE", fmt.Sprint("collection:", i), ttl, string(payload)); got != "+OK" {
			t.Fatal(got)
		}
	}
	c.do(t, "RPUSH", "plain", "short", strings.Repeat("long", 5000), "short")
	for i := range 20 {
		c.randomStream(t, r, 50*i, i%2 == 0)
		c.do(t, "RENAME", "k", fmt.Sprint("stream:", i))
	}
	source := "#!lua name=%s\nredis.register_function('%s', function() return 1 end)"
	for _, name := range []string{"one", "two"} {
		if got := c.do(t, "FUNCTION", "LOAD", fmt.Sprintf(source, name, name)); got != name {
			t.Fatal(got)
		}
	}
}

// compareFile compares what a file has with what the server has. It returns what DUMP says of
// keys, of the populated ones only some.
func (c *redis) compareFile(t *testing.T, file []byte) (dumps map[string]string) {
	dumps = make(map[string]string)
	r := NewFileReader(bytes.NewReader(file))
	keys, functions, expiring := 0, 0, 0
	for {
		item, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch item.Kind {
		case FileFunction:
			functions++
			continue
		case FileAux:
			if string(item.Name) == "redis-bits" && string(item.Text) != "64" {
				t.Errorf("redis-bits is %q", item.Text)
			}
			continue
		}
		if keys++; bytes.HasPrefix(item.Name, []byte("populated:")) && keys%50 != 0 {
			continue // they are alike
		}
		if item.ExpireAt != 0 {
			expiring++
		}
		key := string(item.Name)
		want := c.do(t, "DUMP", key)
		dumps[key] = want
		if got := item.Value.AppendPayload(nil); string(got) != want && !Same(got, []byte(want)) {
			t.Fatalf("%q: the file has %.200q, DUMP says %.200q", key, got, want)
		}
		if got := ":" + strconv.FormatInt(item.ExpireAt, 10); item.ExpireAt != 0 && got != c.do(t, "PEXPIRETIME", key) {
			t.Errorf("%q expires at %s", key, got)
		}
	}
	if got := ":" + strconv.Itoa(keys); got != c.do(t, "DBSIZE") || functions != 2 || expiring < 100 {
		t.Fatalf("%s keys of which %d expire, %d functions", got, expiring, functions)
	}
	if r.Version() != writeVersion || r.Offset() != int64(len(file)) {
		t.Errorf("version %d, %d bytes of %d", r.Version(), r.Offset(), len(file))
	}
	return dumps
}

// rewrite writes what a file has into another one: the values as they are, or their elements.
func rewrite(t *testing.T, file []byte, elements bool) []byte {
	var b bytes.Buffer
	w := NewFileWriter(&b)
	w.Aux("redis-ver", "7.0.15")
	r := NewFileReader(bytes.NewReader(file))
	begun := false
	for {
		item, err := r.Next()
		if err == io.EOF {
			break
		}
		if err == nil && item.Kind == FileFunction {
			err = w.Function(item.Text)
		}
		if err == nil && item.Kind == FileKey {
			if !begun {
				begun = true
				w.Database(10, 1)
			}
			if v := item.Value; elements {
				err = writeElements(w, item.Name, item.ExpireAt, v)
			} else {
				err = w.Value(item.Name, item.ExpireAt, v)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func writeElements(w *FileWriter, key []byte, expireAt int64, v Value) error {
	if v.Type == String {
		text, err := v.Bytes()
		if err != nil {
			return err
		}
		return w.String(key, text, expireAt)
	}
	o := &Outline{Type: v.Type, Compact: v.form == formIntset || v.form == formHashListpack || v.form == formZSetListpack}
	if err := v.Each(func(e *Element) error { o.Add(e); return nil }); err != nil {
		return err
	}
	return w.Collection(key, expireAt, o, v.Each)
}

// loadInRedis starts a redis-server on a file, after its checker has seen it, and compares what
// it has then.
func loadInRedis(t *testing.T, file []byte, digest string, dumps map[string]string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "dump.rdb")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("redis-check-rdb", path).CombinedOutput(); err != nil {
		t.Fatalf("redis-check-rdb: %v\n%s", err, out)
	}
	redis := startRedis(t, "--enable-debug-command", "yes", "--dir", dir)
	if got := redis.do(t, "DEBUG", "DIGEST"); got != digest {
		t.Errorf("the digest of what is loaded is %s, want %s", got, digest)
	}
	for key, want := range dumps {
		if got := redis.do(t, "DUMP", key); !Same([]byte(got), []byte(want)) {
			t.Fatalf("%q is loaded as %.200q, want %.200q", key, got, want)
		}
	}
	if list := redis.do(t, "FUNCTION", "LIST"); list != "*2" {
		t.Errorf("functions: %q", list)
	}
}
