package psync

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/slotmesh/slotmesh/internal/dump"
	"github.com/slotmesh/slotmesh/internal/rdb"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication"
)

// value is what a follower holds under a key: as text, so that values can be compared.
type value struct {
	typ      keyspace.Type
	text     string            // of a string
	parts    map[string]string // of a hash, a set, a sorted set
	list     []string
	expireAt int64
}

func (v *value) String() string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(v.parts)) {
		names = append(names, name+"="+v.parts[name])
	}
	return fmt.Sprintf("%v %.60q %q %q expires %d", v.typ, v.text, names, v.list, v.expireAt)
}

// stock is a stock server as far as the translation needs one. What Redis would refuse, or
// would do nothing for, is an error: the follower is not exact then.
type stock struct {
	t       *testing.T
	keys    map[string]*value
	inMulti bool
}

func (s *stock) run(wire []byte) {
	s.t.Helper()
	p := resp.NewParser(resp.Limits{}.WithDefaults())
	for in := bytes.NewReader(wire); ; {
		args, err := p.Next()
		if err != nil {
			s.t.Fatal(err)
		}
		if args == nil {
			if _, err := p.Fill(in); err == nil {
				continue
			}
			if p.Buffered() > 0 || s.inMulti {
				s.t.Fatalf("%d bytes are left of %q", p.Buffered(), wire)
			}
			return
		}
		words := make([]string, len(args))
		for i := range args {
			words[i] = string(args[i])
		}
		s.command(words)
	}
}

// key returns the value of a key, which is made unless there must be one.
func (s *stock) key(name string, typ keyspace.Type, must bool, line []string) *value {
	s.t.Helper()
	v := s.keys[name]
	if v == nil && must || v != nil && v.typ != typ {
		s.t.Fatalf("%q meets %v", line, v)
	}
	if v == nil {
		v = &value{typ: typ, parts: map[string]string{}}
		s.keys[name] = v
	}
	return v
}

func (s *stock) command(w []string) {
	s.t.Helper()
	switch w[0] {
	case "MULTI", "EXEC":
		if s.inMulti == (w[0] == "MULTI") {
			s.t.Fatalf("%s at the wrong place", w[0])
		}
		s.inMulti = !s.inMulti
	case "FLUSHALL":
		clear(s.keys)
	case "SET":
		v := &value{typ: keyspace.String, text: w[2]}
		if len(w) == 5 {
			v.expireAt, _ = strconv.ParseInt(w[4], 10, 64)
		}
		s.keys[w[1]] = v
	case "SETRANGE":
		v := s.key(w[1], keyspace.String, false, w)
		at, _ := strconv.Atoi(w[2])
		b := []byte(v.text)
		for len(b) < at+len(w[3]) {
			b = append(b, 0)
		}
		copy(b[at:], w[3])
		v.text = string(b)
	case "UNLINK":
		delete(s.keys, w[1]) // one that has expired may be sent as gone, and then go
	case "PERSIST", "PEXPIREAT":
		v := s.keys[w[1]]
		if v == nil {
			s.t.Fatalf("%q meets no key", w)
		}
		v.expireAt = 0
		if w[0] == "PEXPIREAT" {
			v.expireAt, _ = strconv.ParseInt(w[2], 10, 64)
		}
	case "HSET":
		v := s.key(w[1], keyspace.Hash, false, w)
		for i := 2; i < len(w); i += 2 {
			v.parts[w[i]] = w[i+1]
		}
	case "SADD":
		v := s.key(w[1], keyspace.Set, false, w)
		for _, m := range w[2:] {
			v.parts[m] = ""
		}
	case "ZADD":
		v := s.key(w[1], keyspace.ZSet, false, w)
		for i := 2; i < len(w); i += 2 {
			score, _ := strconv.ParseFloat(w[i], 64)
			v.parts[w[i+1]] = fmt.Sprint(score)
		}
	case "HDEL", "SREM", "ZREM":
		typ := map[string]keyspace.Type{"HDEL": keyspace.Hash, "SREM": keyspace.Set, "ZREM": keyspace.ZSet}[w[0]]
		v := s.key(w[1], typ, true, w)
		for _, m := range w[2:] {
			if _, ok := v.parts[m]; !ok {
				s.t.Fatalf("%q meets %v", w, v)
			}
			delete(v.parts, m)
		}
		if len(v.parts) == 0 {
			s.t.Fatalf("%q takes the key with it", w)
		}
	case "RENAME", "COPY":
		v := s.keys[w[1]]
		if v == nil {
			s.t.Fatalf("%q meets no key", w)
		}
		c := *v
		c.parts, c.list = maps.Clone(v.parts), slices.Clone(v.list)
		if s.keys[w[2]] = &c; w[0] == "RENAME" {
			delete(s.keys, w[1])
		}
	case "RESTORE":
		s.restore(w)
	default:
		s.t.Fatalf("unexpected %q", w)
	}
}

func (s *stock) restore(w []string) {
	s.t.Helper()
	parsed, err := rdb.Parse([]byte(w[3]))
	if err != nil {
		s.t.Fatal(err)
	}
	v := &value{typ: keyspace.Type(parsed.Type), parts: map[string]string{}}
	v.expireAt, _ = strconv.ParseInt(w[2], 10, 64)
	if err := parsed.Each(v.add); err != nil {
		s.t.Fatal(err)
	}
	s.keys[w[1]] = v
}

func (v *value) add(e *rdb.Element) error {
	switch v.typ {
	case keyspace.List:
		v.list = append(v.list, string(e.Name))
	case keyspace.ZSet:
		v.parts[string(e.Name)] = fmt.Sprint(e.Score)
	default:
		v.parts[string(e.Name)] = string(e.Value)
	}
	return nil
}

// node is a master and the translation of its stream.
type node struct {
	t      *testing.T
	rnd    *rand.Rand
	store  *keyspace.Store
	stream *replication.Stream
	cursor *replication.Cursor
	rec    *replication.Records
	tr     *Translator
	stock  *stock
	now    int64
}

func (n *node) snapshot(name string) (s keyspace.Snapshot, text []byte, ok bool) {
	n.store.View(0, func(tx *keyspace.Tx) error {
		if s, ok = tx.Snapshot([]byte(name)); ok && s.Entry().Type == keyspace.String {
			e, _ := tx.Peek([]byte(name))
			text = bytes.Clone(e.Value)
		}
		return nil
	})
	return s, text, ok
}

// valueOf returns what the master holds, nil for nothing.
func (n *node) valueOf(name string) *value {
	s, text, ok := n.snapshot(name)
	if !ok {
		return nil
	}
	v := &value{typ: s.Entry().Type, text: string(text), parts: map[string]string{}, expireAt: s.Entry().ExpireAt}
	if v.typ != keyspace.String {
		dump.New(s, s.Encoding(), dump.Options{}).Each(v.add)
	}
	return v
}

// read translates what is there of the stream, at most limit records.
func (n *node) read(limit int) (err error) {
	for range limit {
		rec, ok, err := n.rec.Next()
		if err != nil {
			n.t.Fatal(err)
		}
		if !ok {
			b, err := n.cursor.Next(1 + n.rnd.IntN(500))
			if err != nil {
				n.t.Fatal(err)
			}
			if len(b) == 0 {
				return nil
			}
			n.rec.Write(b)
			continue
		}
		if err := n.tr.Record(rec.End, n.now, rec.Ops); err != nil {
			return err
		}
	}
	return nil
}

// send gives the follower what is due at most, and then what has been translated.
func (n *node) send(most int) {
	for _, name := range n.tr.Due(nil, n.now, most) {
		s, text, ok := n.snapshot(name)
		floor := n.stream.Offset()
		switch {
		case !ok:
			n.tr.Out = AppendUnlink(n.tr.Out, []byte(name))
		case s.Entry().Type == keyspace.String:
			n.tr.Out = AppendSet(n.tr.Out, []byte(name), text, s.Entry().ExpireAt)
		default:
			var b bytes.Buffer
			dump.New(s, s.Encoding(), dump.Options{Plain: true}).Encode(&b)
			n.tr.Out = AppendRestoreHead(n.tr.Out, []byte(name), s.Entry().ExpireAt, b.Len())
			n.tr.Out = append(append(n.tr.Out, b.Bytes()...), RestoreTail...)
		}
		n.tr.Sent(name, floor, n.now, 10*n.rnd.IntN(restoreRate))
	}
	n.stock.run(n.tr.Out)
	n.tr.Out = nil
}

// longer makes some values so long that keys are kept, and copied, in another way.
func (n *node) longer(b []byte) []byte {
	if n.rnd.IntN(4) == 0 {
		return append(bytes.Repeat([]byte{'x'}, keyspace.LargeValue), b...)
	}
	return b
}

const simKeys = 7

func (n *node) anyKey() []byte { return fmt.Appendf(nil, "k%d", n.rnd.IntN(simKeys)) }

// write is one transaction of a few changes.
func (n *node) write() {
	if n.rnd.IntN(150) == 0 {
		n.store.Drop(0)
		return
	}
	steps := 1 + n.rnd.IntN(3)*n.rnd.IntN(3)
	err := n.store.Update(0, func(tx *keyspace.Tx) error {
		for range steps {
			if err := n.change(tx); err != nil && err != keyspace.ErrWrongType {
				return err
			}
		}
		return nil
	})
	if err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) change(tx *keyspace.Tx) error {
	key, word := n.anyKey(), fmt.Appendf(nil, "w%d", n.rnd.IntN(5))
	switch n.rnd.IntN(16) {
	case 0:
		return tx.Put(key, keyspace.String, n.longer(word), int64(n.rnd.IntN(2))*(1<<50+int64(n.rnd.IntN(1000))))
	case 1:
		if e, ok := tx.Peek(key); ok && e.Type != keyspace.String {
			return nil
		}
		return tx.SetRange(key, n.rnd.IntN(20), word)
	case 2:
		tx.Delete(key)
	case 3, 4:
		tx.Expire(key, int64(n.rnd.IntN(2))*(1<<50+int64(n.rnd.IntN(1000))))
	case 5:
		_, err := tx.Rename(key, n.anyKey())
		return err
	case 6:
		_, err := tx.Copy(key, n.anyKey())
		return err
	case 7, 8, 9:
		h, err := tx.Hash(key)
		if err != nil {
			return err
		}
		if n.rnd.IntN(2) == 0 {
			h.Delete(word)
			return nil
		}
		_, err = h.Set(word, n.longer(n.anyKey()))
		return err
	case 10, 11:
		s, err := tx.Set(key)
		if err != nil {
			return err
		}
		if n.rnd.IntN(2) == 0 {
			s.Remove(word)
			return nil
		}
		_, err = s.Add(word)
		return err
	case 12, 13:
		z, err := tx.ZSet(key)
		if err != nil {
			return err
		}
		if n.rnd.IntN(2) == 0 {
			z.Remove(word)
			return nil
		}
		scores := []float64{0, 1.5, -3, math.Inf(1), math.Inf(-1), 1e300, 0.1}
		_, err = z.Set(word, scores[n.rnd.IntN(len(scores))])
		return err
	default:
		l, err := tx.List(key)
		if err != nil {
			return err
		}
		if n.rnd.IntN(3) == 0 {
			l.PopFront()
			return nil
		}
		return l.PushBack(word)
	}
	return nil
}

// The follower ends equal, whatever the order is in which the master writes, its file is made,
// its stream is read and dirty keys are sent; and no command meets another state than the
// one that it is meant for.
func TestFollowerEndsEqual(t *testing.T) {
	runs := uint64(600)
	if testing.Short() {
		runs = 100
	}
	dropped := 0
	for seed := range runs {
		if !simulate(t, seed) {
			dropped++
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Logf("%d of %d followers were sent away after a drop", dropped, runs)
}

func simulate(t *testing.T, seed uint64) (served bool) {
	rnd := rand.New(rand.NewPCG(seed, 4))
	n := &node{t: t, rnd: rnd, stream: replication.NewStream(replication.StreamConfig{}), tr: New(true, 0),
		stock: &stock{t: t, keys: map[string]*value{}}}
	n.store = keyspace.New(keyspace.Config{Sink: n.stream})
	for range rnd.IntN(40) {
		n.write()
	}
	var err error
	if n.cursor, err = n.stream.Tail(n.store.Len()); err != nil {
		t.Fatal(err)
	}
	n.rec = replication.NewRecords(n.cursor.Offset())
	for i := range simKeys { // the file
		for range rnd.IntN(4) {
			n.write()
		}
		if n.read(rnd.IntN(3)) != nil {
			return false
		}
		name := fmt.Sprintf("k%d", i)
		if v := n.valueOf(name); v != nil {
			n.stock.keys[name] = v
		}
	}
	n.tr.Ready = n.stream.Offset()
	for range rnd.IntN(300) {
		n.now += int64(rnd.IntN(30))
		switch rnd.IntN(4) {
		case 0:
			if n.read(rnd.IntN(6)) != nil {
				return false
			}
		case 1:
			n.send(rnd.IntN(4))
		default:
			n.write()
		}
	}
	for range 3 { // after a drop, keys become dirty again
		if n.read(math.MaxInt) != nil {
			return false
		}
		n.now += 1 << 20
		n.send(math.MaxInt)
	}
	if got := n.tr.Complete(); got != n.stream.Offset() {
		t.Errorf("complete up to %d of %d", got, n.stream.Offset())
	}
	for i := range simKeys {
		name := fmt.Sprintf("k%d", i)
		ours, theirs := n.valueOf(name), n.stock.keys[name]
		if fmt.Sprint(ours) != fmt.Sprint(theirs) {
			t.Errorf("seed %d: %s is\n%v, the follower has\n%v", seed, name, ours, theirs)
		}
	}
	return true
}
