package invalidation

import (
	"bufio"
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/internal/frame"
)

var messages = []Message{
	{Kind: Register, Version: 3, Prefixes: []Prefix{{"users:", true}, {"", false}}},
	{Kind: Renew, Stamp: 1 << 40, Version: 3, Digest: 1<<64 - 1, Lease: 250 * time.Millisecond},
	{Kind: Ack, Number: 1 << 33},
	{Kind: Release},
	{Kind: Grant, Stamp: 1 << 40, Version: 3, Granted: true},
	{Kind: Key, Number: 7, Key: []byte("users:\x00\xff")},
	{Kind: Slot, Number: 8, Slot: 16383},
	{Kind: All, Number: 9},
}

func TestMessages(t *testing.T) {
	for _, m := range messages {
		got, err := decode(payload(t, &m))
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%+v became %+v, %v", m, got, err)
		}
	}
}

func payload(t testing.TB, m *Message) []byte {
	t.Helper()
	b, err := frame.NewReader(bufio.NewReader(bytes.NewReader(m.append(nil))), maxMessage).Next()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTheLongestRegistrationFits(t *testing.T) {
	m := Message{Kind: Register, Version: 1<<64 - 1}
	for range MaxPrefixes {
		m.Prefixes = append(m.Prefixes, Prefix{Text: string(make([]byte, maxPrefix))})
	}
	if _, err := decode(payload(t, &m)); err != nil {
		t.Error(err)
	}
	m.Prefixes = append(m.Prefixes, Prefix{})
	b := m.append(nil)[frame.HeaderSize:]
	if _, err := decode(b); !errors.Is(err, frame.ErrCorrupt) {
		t.Errorf("one prefix too many: %v", err)
	}
}

func FuzzMessage(f *testing.F) {
	for i := range messages {
		f.Add(payload(f, &messages[i]))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decode(b)
		if err != nil {
			if !errors.Is(err, frame.ErrCorrupt) {
				t.Errorf("%v does not say that it is corrupt", err)
			}
			return
		}
		again, err := decode(payload(t, &m))
		if err != nil || !reflect.DeepEqual(m, again) {
			t.Errorf("%+v became %+v, %v", m, again, err)
		}
	})
}
