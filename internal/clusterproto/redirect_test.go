package clusterproto

import (
	"errors"
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

func TestParseRedirect(t *testing.T) {
	for text, want := range map[string]error{
		"MOVED 3999 127.0.0.1:6381":   &slots.MovedError{Slot: 3999, Addr: slots.Addr{Host: "127.0.0.1", Port: 6381}},
		"ASK 3999 127.0.0.1:6381":     &slots.AskError{Slot: 3999, Addr: slots.Addr{Host: "127.0.0.1", Port: 6381}},
		"MOVED 0 :6381":               &slots.MovedError{Slot: 0, Addr: slots.Addr{Host: "asked", Port: 6381}},
		"MOVED 0 ?:6381":              &slots.MovedError{Slot: 0, Addr: slots.Addr{Host: slots.NoHostname, Port: 6381}},
		"MOVED 1 ::1:6381":            &slots.MovedError{Slot: 1, Addr: slots.Addr{Host: "::1", Port: 6381}},
		"ASK 1 [::1]:6381":            &slots.AskError{Slot: 1, Addr: slots.Addr{Host: "::1", Port: 6381}},
		"MOVED 16384 127.0.0.1:6381":  nil,
		"MOVED -1 127.0.0.1:6381":     nil,
		"MOVED 1 127.0.0.1:66666":     nil,
		"MOVED 1 127.0.0.1":           nil,
		"MOVED":                       nil,
		"ERR MOVED 1 127.0.0.1:6381":  nil,
		"TRYAGAIN Multiple keys":      nil,
		"moved 3999 127.0.0.1:6381":   nil,
		"MOVED 3999 127.0.0.1:6381 x": nil,
	} {
		got, ok := ParseRedirect(text, "asked")
		if ok != (want != nil) || ok && got.Error() != want.Error() {
			t.Errorf("%q reads as %v, %v; want %v", text, got, ok, want)
		}
		if ask := new(slots.AskError); want != nil && errors.As(want, &ask) != errors.As(got, &ask) {
			t.Errorf("%q is of type %T, want %T", text, got, want)
		}
	}
}

func FuzzParseRedirect(f *testing.F) {
	f.Add("MOVED 3999 127.0.0.1:6381")
	f.Add("ASK 1 ::1:6381")
	f.Add("MOVED 1 ?:0")
	f.Fuzz(func(t *testing.T, text string) {
		redirect, ok := ParseRedirect(text, "asked")
		if !ok {
			return
		}
		// What a redirect prints is read as the same redirect again.
		again, ok := ParseRedirect(redirect.Error(), "asked")
		if !ok || again.Error() != redirect.Error() {
			t.Fatalf("%q reads as %v, which reads as %v", text, redirect, again)
		}
	})
}
