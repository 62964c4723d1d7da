package server

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// Long strings are combined outside of the slot's lock, yet as of one moment: two strings
// that transactions always change alike never differ.
func TestBitOpOfLongStringsIsOfOneMoment(t *testing.T) {
	srv := startServer(t, Config{})
	c, other := connect(t, srv), connect(t, srv)
	const n = 256 << 10 // enough to be combined outside of the lock
	for _, key := range []string{"a", "b"} {
		if _, err := c.Do("SET", key, strings.Repeat("x", n)); err != nil {
			t.Fatal(err)
		}
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			at := strconv.Itoa(i * 7919 % n)
			for _, line := range [][]string{{"MULTI"}, {"SETRANGE", "a", at, "y"}, {"SETRANGE", "b", at, "y"}, {"EXEC"}} {
				if _, err := other.Do(line...); err != nil {
					t.Error(err)
					return
				}
			}
		}
	}()
	for range 100 {
		expect(t, c, "BITOP XOR d a b", fmt.Sprint(":", n))
		expect(t, c, "BITCOUNT d", ":0")
	}
	close(stop)
	<-stopped
}

// What is read outside of the lock comes to what it comes to in a transaction.
func TestBitsOfLongStrings(t *testing.T) {
	c := connect(t, startServer(t, Config{}))
	const n = 600_000
	for i, key := range []string{"a", "b", "c"} {
		if _, err := c.Do("SET", key, strings.Repeat(string(rune('a'+i)), n-i*100_000)); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, c, "SETRANGE b 300000 zzz", ":500000") // in chunks now
	for _, line := range []string{"BITOP AND d a b c", "BITOP OR d a b c none", "BITOP XOR d a b c", "BITOP NOT d b",
		"BITOP OR a a b"} {
		want := do(t, c, line)
		alone := do(t, c, "GET d")
		expect(t, c, "MULTI", "+OK")
		do(t, c, line)
		if got := do(t, c, "EXEC"); got != "["+want+"]" {
			t.Errorf("%s in a transaction: %s, alone %s", line, got, want)
		}
		if do(t, c, "GET d") != alone {
			t.Errorf("%s comes to something else in a transaction", line)
		}
	}
	for _, line := range []string{"BITCOUNT b", "BITCOUNT b 5 -5 BIT", "BITPOS b 1", "BITPOS d 1 10", "BITPOS d 0",
		"BITPOS b 1 400000 -1"} {
		want := do(t, c, line)
		expect(t, c, "MULTI", "+OK")
		do(t, c, line)
		if got := do(t, c, "EXEC"); got != "["+want+"]" {
			t.Errorf("%s in a transaction: %s, alone %s", line, got, want)
		}
	}
	expect(t, c, "LPUSH l x", ":1")
	expect(t, c, "BITOP OR d a l", "-WRONGTYPE Operation against a key holding the wrong kind of value")
	expect(t, c, "BITOP NOT d a b", "-ERR BITOP NOT must be called with a single source key.")
	expect(t, c, "BITOP NAND d a b", "-ERR syntax error")
}
