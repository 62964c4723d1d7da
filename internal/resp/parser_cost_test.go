package resp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

// pieces cuts a stream into reads of the lengths that next returns.
type pieces struct {
	stream []byte
	next   func() int
}

func (r *pieces) Read(b []byte) (int, error) {
	if len(r.stream) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), r.next())], r.stream)
	r.stream = r.stream[n:]
	return n, nil
}

// command returns a command of n arguments of size bytes each.
func command(n, size int) [][]byte {
	arg := bytes.Repeat([]byte{'x'}, size)
	args := make([][]byte, n)
	for i := range args {
		args[i] = arg
	}
	return args
}

// Whatever the lengths of the arguments and wherever the stream is cut, the commands are
// the same.
func TestParserAnySplit(t *testing.T) {
	lengths := []int{0, 1, 9, 10, 99, 100, 1000, firstRead - 1, firstRead, firstRead + 1, 3 * firstRead, keepBuffer - 1,
		keepBuffer, keepBuffer + 1, 300 << 10, maxBuffer + 1}
	for seed := range uint64(40) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		var stream []byte
		var commands [][]string
		for left := 1 + rnd.IntN(3*maxBuffer); left > 0; {
			args := make([]string, 1+rnd.IntN(1<<rnd.IntN(10)))
			greatest := 1 + rnd.IntN(len(lengths))
			for i := range args {
				n := lengths[rnd.IntN(greatest)]
				args[i] = strings.Repeat(string(rune('a'+rnd.IntN(26))), n)
				if left -= n + 6; left <= 0 {
					args = args[:i+1]
					break
				}
			}
			commands = append(commands, args)
			stream = AppendCommand(stream, args...)
			if rnd.IntN(3) == 0 {
				commands = append(commands, []string{"inline", "word"})
				stream = append(stream, "inline 'word'\r\n*0\r\n"...)
			}
		}
		longest := 1 << rnd.IntN(22)
		got, err := parseAll(NewParser(Limits{}), &pieces{stream, func() int { return 1 + rnd.IntN(longest) }})
		if err != io.EOF || !slices.EqualFunc(got, commands, slices.Equal) {
			t.Fatalf("seed %d, reads of up to %d bytes: %d commands, %v; want %d, or their arguments differ", seed, longest,
				len(got), err, len(commands))
		}
	}
}

// parseCounting parses a stream and returns how many bytes were carried on to another
// place before the command they belong to was complete.
func parseCounting(t *testing.T, p *Parser, r io.Reader) (carried int) {
	t.Helper()
	for {
		for args, err := p.Next(); args != nil || err != nil; args, err = p.Next() {
			if err != nil {
				t.Fatal(err)
			}
		}
		buffer, end := unsafe.SliceData(p.buf), p.w
		n, err := p.Fill(r)
		if err == io.EOF {
			return carried
		}
		if err != nil {
			t.Fatal(err)
		}
		if kept := p.w - n; unsafe.SliceData(p.buf) != buffer || kept < end {
			carried += kept
		}
	}
}

// The work for a command is linear in its length: its bytes are carried on less than once
// on average, and the memory that is asked for is a small multiple of it.
func TestParserCost(t *testing.T) {
	shapes := map[string][][]byte{
		"4,000 of 2 KB": command(4000, 2000),
		"800 of 10 KB":  command(800, 10_000),
		"80 of 100 KB":  command(80, 100_000),
		"12 of 700 KB":  command(12, 700_000),
		"3 of 3 MB":     command(3, 3_000_000),
		"1 of 8 MB":     command(1, 8_000_000),
		"200,000 of 1":  command(200_000, 1),
	}
	for name, args := range shapes {
		stream := AppendCommand(nil, args...)
		for _, read := range []int{1460, 16 << 10, 1 << 30} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			p := NewParser(Limits{})
			carried := parseCounting(t, p, &pieces{stream, func() int { return read }})
			runtime.ReadMemStats(&after)
			if limit := len(stream); carried > limit {
				t.Errorf("%s in reads of %d bytes: %d bytes carried on, want at most %d", name, read, carried, limit)
			}
			allocated := after.TotalAlloc - before.TotalAlloc
			if limit := 3*uint64(len(stream)) + 200*uint64(len(args)) + 1<<20; allocated > limit {
				t.Errorf("%s in reads of %d bytes: %d bytes allocated, want at most %d", name, read, allocated, limit)
			}
			if p.Size() > keepBuffer {
				t.Errorf("%s in reads of %d bytes: %d bytes held after it", name, read, p.Size())
			}
		}
	}
}

// A pipeline of small commands, cut anywhere, stays in its buffer.
func TestParserCostOfPipeline(t *testing.T) {
	stream := bytes.Repeat(AppendCommand(nil, "SET", "key:0000000001", strings.Repeat("x", 500)), 20_000)
	for _, read := range []int{100, 1460, 4 << 10, 1 << 30} {
		carried := parseCounting(t, NewParser(Limits{}), &pieces{stream, func() int { return read }})
		if limit := len(stream) / 2; carried > limit {
			t.Errorf("in reads of %d bytes: %d of %d bytes carried on, want at most %d", read, carried, len(stream), limit)
		}
	}
}

// What has been searched for the end of a line is not searched again.
func TestParserSearchesALineOnce(t *testing.T) {
	for _, line := range []string{"*" + strings.Repeat("1", 1000), "*1\r\n$" + strings.Repeat("1", 1000),
		strings.Repeat("word ", 200)} {
		p := NewParser(Limits{})
		for i := range line {
			if _, err := p.Fill(strings.NewReader(line[i : i+1])); err != nil {
				t.Fatal(err)
			}
			if args, err := p.Next(); args != nil || err != nil {
				t.Fatal(args, err)
			}
			if rest := p.w - p.r - p.searched; rest > 2 { // the type, and a CR whose LF is awaited
				t.Fatalf("%d bytes of %q will be searched again", rest, line[:i+1])
			}
		}
	}
}

// The list of a command's arguments takes memory too, and counts.
func TestParserCountsArguments(t *testing.T) {
	const limit = 100_000
	stream := AppendCommand(nil, command(20_000, 0)...)
	p := NewParser(Limits{MaxQuery: limit})
	_, err := parseAll(p, &pieces{stream, func() int { return 1000 }})
	if !errors.Is(err, ErrQueryTooLarge) {
		t.Errorf("20,000 empty arguments with a limit of %d bytes: %v, want %v", limit, err, ErrQueryTooLarge)
	}
	if size := p.Size(); size > 2*limit {
		t.Errorf("%d bytes held with a limit of %d", size, limit)
	}
}

// An idle client's last command must not stay in memory.
func TestParserLetsGoOfALargeCommand(t *testing.T) {
	for name, args := range map[string][][]byte{"one argument": command(1, 20<<20), "many": command(2000, 10<<10),
		"very many": command(1_000_000, 0)} {
		t.Run(name, func(t *testing.T) {
			stream := AppendCommand(nil, args...)
			p := NewParser(Limits{})
			before := heapInUse()
			if _, err := parseAll(p, bytes.NewReader(stream)); err != io.EOF {
				t.Fatal(err)
			}
			if grown := heapInUse() - before; grown > 1<<20 {
				t.Errorf("an idle parser keeps %d bytes", grown)
			}
			runtime.KeepAlive(p)
			runtime.KeepAlive(stream)
		})
	}
}

func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkParserLarge parses commands with much in them; ns/op is for one command.
func BenchmarkParserLarge(b *testing.B) {
	for _, shape := range []struct{ args, size int }{{20_000, 2000}, {2000, 10_000}, {1, 40_000_000}, {100_000, 10}} {
		b.Run(fmt.Sprintf("%dx%d", shape.args, shape.size), func(b *testing.B) {
			stream := AppendCommand(nil, command(shape.args, shape.size)...)
			p := NewParser(Limits{})
			b.SetBytes(int64(len(stream)))
			b.ReportAllocs()
			for b.Loop() {
				r := &pieces{stream, func() int { return 64 << 10 }}
				for {
					args, err := p.Next()
					if err != nil {
						b.Fatal(err)
					}
					if args != nil {
						continue
					}
					if _, err := p.Fill(r); err == io.EOF {
						break
					}
				}
			}
		})
	}
}
