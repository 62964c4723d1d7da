package rdb

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "record testdata/redis-7.0.rdb and what is in it; needs redis-server")

const recorded = "testdata/redis-7.0"

// TestRecordedFile reads a file that redis-server 7.0.15 wrote, of all types in their compact and
// their large form, compressed.
func TestRecordedFile(t *testing.T) {
	if *update {
		record(t)
	}
	file, err := os.ReadFile(recorded + ".rdb")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(recorded + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	if got := describe(t, file); got != string(want) {
		t.Errorf("the file reads as\n%s\nwant\n%s", got, want)
	}
}

// record has a server write the file. What it says of its values stands beside it: it is compared
// with what DUMP says by TestFilesOfRedis.
func record(t *testing.T) {
	redis := startRedis(t)
	const some = 40
	large := "element" + strings.Repeat("-", 70)
	for _, cmd := range []string{
		"SET number 1234", "SET wide -9007199254740993", "SET text hello", "SET packed " + strings.Repeat("ab", some),
		"PEXPIREAT text 4102444800123", "RPUSH list a 1 -70000", "SADD numbers 1 2 300000", "SADD set a b",
		"ZADD zset 1 a 2.5 b inf c", "ZADD large-zset 1 " + large, "HSET hash f v n 12", "HSET large-hash f " + large,
		"RPUSH large-list " + strings.Repeat("x", 9000) + " y", "XADD stream 1-1 f v", "XADD stream 2-1 f w g 7",
		"XGROUP CREATE stream group 0", "XGROUP CREATECONSUMER stream group idle",
		"FUNCTION LOAD #!lua\x00name=lib\nredis.register_function('f',\x00function()\x00end)",
	} {
		args := strings.Split(cmd, " ")
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "\x00", " ")
		}
		redis.do(t, args...)
	}
	if got := redis.do(t, "SAVE"); got != "+OK" {
		t.Fatal(got)
	}
	file, err := os.ReadFile(filepath.Join(redis.dir, "dump.rdb"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(recorded+".rdb", file, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(recorded+".txt", []byte(describe(t, file)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// describe says what is in a file, a line for each item.
func describe(t *testing.T, file []byte) string {
	var b strings.Builder
	r := NewFileReader(bytes.NewReader(file))
	for {
		item, err := r.Next()
		if err == io.EOF {
			return b.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		if item.Kind != FileKey {
			fmt.Fprintf(&b, "%d %s %.60q\n", item.Kind, item.Name, item.Text)
			continue
		}
		v := item.Value
		fmt.Fprintf(&b, "%s type %d form %d until %d:", item.Name, v.Type, v.form, item.ExpireAt)
		if v.Type == String {
			text, err := v.Bytes()
			fmt.Fprintf(&b, " %q %v\n", text, err)
			continue
		}
		err = v.Each(func(e *Element) error {
			if p := e.Stream; p != nil {
				fmt.Fprintf(&b, " {%d %v %q %q %q %d}", p.Kind, p.ID, p.Strings, p.Group, p.Consumer, p.Added)
			} else {
				fmt.Fprintf(&b, " {%.40q %.40q %v}", e.Name, e.Value, e.Score)
			}
			return nil
		})
		fmt.Fprintln(&b, err)
	}
}
