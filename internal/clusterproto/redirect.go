package clusterproto

import (
	"cmp"
	"strings"

	"github.com/slotmesh/slotmesh/slots"
)

// ParseRedirect reads an error reply as a redirect: a *slots.MovedError or a
// *slots.AskError, both without a node id. ok is false for every other error. A redirect
// without a host means the host that sent it, from. The host slots.NoHostname is left to
// the caller, who may know more.
func ParseRedirect(text, from string) (redirect error, ok bool) {
	code, rest, _ := strings.Cut(text, " ")
	if code != "MOVED" && code != "ASK" {
		return nil, false
	}
	number, target, _ := strings.Cut(rest, " ")
	slot, err := slots.Parse(number)
	at := strings.LastIndexByte(target, ':') // no brackets around an IPv6 host
	if err != nil || at < 0 {
		return nil, false
	}
	port, err := parsePort(target[at+1:])
	if err != nil {
		return nil, false
	}
	addr := slots.Addr{Host: cmp.Or(strings.Trim(target[:at], "[]"), from), Port: port}
	if code == "ASK" {
		return &slots.AskError{Slot: slot, Addr: addr}, true
	}
	return &slots.MovedError{Slot: slot, Addr: addr}, true
}
