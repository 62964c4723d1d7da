package resp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// sample writes one reply of each kind.
func sample(w *Writer) {
	w.OK()
	w.Error("ERR two\r\nlines")
	w.Int(-5)
	w.Bulk([]byte("a\x00\r\nb"))
	w.BulkInt(42)
	w.Null()
	w.NullArray()
	w.Array(2)
	w.BulkString("x")
	w.Array(0)
	w.Map(1)
	w.BulkString("key")
	w.Int(1)
	w.Set(1)
	w.Simple("flag")
	w.Bool(true)
	w.Bool(false)
	w.Double(1.5)
	w.Double(math.Inf(-1))
	w.Verbatim("txt", "text")
}

func TestReaderReadsWhatWriterWrote(t *testing.T) {
	str := func(k Kind, s string) Reply { return Reply{Kind: k, Str: []byte(s)} }
	common := []Reply{
		str(Simple, "OK"), str(ErrorMsg, "ERR two  lines"), {Kind: Int, Int: -5}, str(Bulk, "a\x00\r\nb"), str(Bulk, "42"),
		{}, {},
		{Kind: Array, Elems: []Reply{str(Bulk, "x"), {Kind: Array, Elems: []Reply{}}}},
	}
	pair := []Reply{str(Bulk, "key"), {Kind: Int, Int: 1}}
	flag := []Reply{str(Simple, "flag")}
	for _, c := range []struct {
		resp3 bool
		want  []Reply
	}{
		{false, []Reply{{Kind: Array, Elems: pair}, {Kind: Array, Elems: flag}, {Kind: Int, Int: 1}, {Kind: Int},
			str(Bulk, "1.5"), str(Bulk, "-inf"), str(Bulk, "text")}},
		{true, []Reply{{Kind: Map, Elems: pair}, {Kind: Set, Elems: flag}, {Kind: Bool, Int: 1}, {Kind: Bool},
			{Kind: Double, Float: 1.5}, {Kind: Double, Float: math.Inf(-1)}, str(Bulk, "text")}},
	} {
		w := Writer{RESP3: c.resp3}
		sample(&w)
		r := NewReader(iotest.OneByteReader(bytes.NewReader(w.B)))
		for i, want := range append(common[:len(common):len(common)], c.want...) {
			got, err := r.Read()
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("RESP3 %v, reply %d: %+v, %v; want %+v", c.resp3, i, got, err, want)
			}
		}
		if _, err := r.Read(); err != io.EOF {
			t.Fatalf("after the last reply: %v, want EOF", err)
		}
	}
}

func TestReaderRefusesNonsense(t *testing.T) {
	for stream, want := range map[string]error{
		"?\r\n":                            ErrMalformed,
		"+OK\n":                            ErrMalformed,
		":abc\r\n":                         ErrMalformed,
		"$-2\r\n":                          ErrMalformed,
		"$2000000000\r\n":                  ErrMalformed,
		"$3\r\nabcde":                      ErrMalformed,
		"*-5\r\n":                          ErrMalformed,
		"*999999999999\r\n":                ErrMalformed,
		"#x\r\n":                           ErrMalformed,
		",x\r\n":                           ErrMalformed,
		"=2\r\nab\r\n":                     ErrMalformed,
		"$5\r\nab":                         io.ErrUnexpectedEOF,
		"*2\r\n:1\r\n":                     io.ErrUnexpectedEOF,
		"+half":                            io.ErrUnexpectedEOF,
		strings.Repeat("*1\r\n", 100):      ErrMalformed,
		"+" + strings.Repeat("a", 100<<10): ErrMalformed,
	} {
		if _, err := NewReader(strings.NewReader(stream)).Read(); !errors.Is(err, want) {
			t.Errorf("%.20q: %v, want %v", stream, err, want)
		}
	}
}

func TestReaderAllocatesOnlyWhatArrives(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, stream := range []string{"$1000000000\r\nabc", "*200000000\r\n:1\r\n", "%100000000\r\n"} {
		if _, err := NewReader(strings.NewReader(stream)).Read(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
		t.Fatalf("claims made the reader allocate %d bytes", got)
	}
}

func TestConnKeepsOrderAndSkipsPushes(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	c := NewConn(near)
	defer c.Close()
	var pushed []string
	c.OnPush = func(r Reply) { pushed = append(pushed, r.Elems[0].Text()) }
	go func() {
		p := NewParser(Limits{})
		var w Writer
		w.RESP3 = true
		for n := 0; n < 3; {
			args, _ := p.Next()
			if args == nil {
				p.Fill(far)
				continue
			}
			w.Push(1)
			w.BulkString("note")
			w.Raw("|1\r\n+ttl\r\n:3600\r\n") // an attribute
			w.Bulk(args[0])
			n++
		}
		w.Error("MOVED 1 a:1")
		far.Write(w.B)
	}()
	c.Send("one")
	c.SendBytes([]byte("two"))
	c.Send("three")
	for _, want := range []string{"one", "two", "three"} {
		if r, err := c.Receive(); err != nil || r.Text() != want {
			t.Fatalf("%q, %v; want %q", r.Text(), err, want)
		}
	}
	var reply Error
	if _, err := c.Receive(); !errors.As(err, &reply) || reply.Code() != "MOVED" {
		t.Fatalf("err = %v, want MOVED", err)
	}
	if len(pushed) != 3 {
		t.Fatalf("%d pushes, want 3", len(pushed))
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	go io.Copy(io.Discard, far) // it never answers
	if _, err := c.DoContext(ctx, "PING"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("err = %v, want %v", err, context.DeadlineExceeded)
	}
}

func TestReplyLookup(t *testing.T) {
	var w Writer
	w.Map(2)
	w.BulkString("a")
	w.Int(1)
	w.BulkString("b")
	w.Int(2)
	r, _ := NewReader(bytes.NewReader(w.B)).Read()
	if v := r.Lookup("b"); v == nil || v.Text() != "2" || r.Lookup("c") != nil {
		t.Fatalf("Lookup(b) = %+v, Lookup(c) = %+v", v, r.Lookup("c"))
	}
}

func FuzzReader(f *testing.F) {
	for _, resp3 := range []bool{false, true} {
		w := Writer{RESP3: resp3}
		sample(&w)
		f.Add(w.B)
	}
	f.Add([]byte("*200000000\r\n%100000000\r\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := NewReader(bytes.NewReader(stream))
		for {
			reply, err := r.Read()
			if err != nil {
				return
			}
			_ = reply.Text()
		}
	})
}
