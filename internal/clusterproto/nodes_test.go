package clusterproto

import (
	"slices"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

const (
	idA = "07c37dfeb235213a872192d90877d0cd55635b91"
	idB = "67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1"
)

// What servers really print, one line of each kind.
var nodesSamples = []string{
	// Redis 7.0: a fresh node does not know its own host.
	idA + " :7001@17001 myself,master - 0 0 0 connected\n",
	// An open master, a failing replica, a node in handshake and one without address.
	idA + " 127.0.0.1:30004@31004 myself,master - 0 1426238317239 4 connected 0-5460 5462 [93-<-" + idB + "] [94->-" +
		idB + "]\n" +
		idB + " 10.0.0.2:30002@31002,host.example slave,fail? " + idA + " 1426238316232 1426238316232 2 disconnected\n" +
		"292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f 127.0.0.1:30003@31003 handshake - 1426238318243 0 0 disconnected\n" +
		"824fe116063bc5fcf9f4ffd895bc17aee7731ac3 :0@0 master,fail,noaddr - 1426238318243 0 3 disconnected 5461-10922\n",
	// Redis 3 knew no bus port; Valkey 8 adds fields; IPv6 stands bare.
	idA + " 127.0.0.1:30004 myself,master - 0 0 4 connected 1\n",
	idA + " 127.0.0.1:30004@40004,,shard-id=" + idB + " myself,master - 0 0 4 connected 1\n",
	idA + " ::1:30004@40004 master - 0 0 4 connected 1-2 3\r\n\n",
}

func TestParseNodes(t *testing.T) {
	list, err := ParseNodes(nodesSamples[1])
	if err != nil || len(list) != 4 {
		t.Fatalf("got %d members and %v, want 4", len(list), err)
	}
	me, replica, shaking, lost := list[0], list[1], list[2], list[3]
	if got := me.Slots().String(); got != "0-5460 5462" || !me.IsMaster() || !me.Has("myself") || me.Epoch != 4 ||
		!me.Connected {
		t.Errorf("the first line reads as %+v", me)
	}
	want := []OpenSlot{{93, true, replica.ID}, {94, false, replica.ID}}
	if !slices.Equal(me.Open, want) {
		t.Errorf("open slots are %v, want %v", me.Open, want)
	}
	if replica.Master != me.ID || replica.Hostname != "host.example" || !replica.Has("fail?") || replica.IsMaster() ||
		replica.PingSent.UnixMilli() != 1426238316232 {
		t.Errorf("the second line reads as %+v", replica)
	}
	if shaking.Usable() || lost.Usable() || !replica.Usable() {
		t.Error("a node in handshake or without address is usable, or the replica is not")
	}
	for _, tc := range []struct{ sample, addr, hostname string }{
		{nodesSamples[0], ":7001@17001", ""},
		{nodesSamples[2], "127.0.0.1:30004@0", ""},
		{nodesSamples[3], "127.0.0.1:30004@40004", ""},
		{nodesSamples[4], "::1:30004@40004", ""},
	} {
		list, err := ParseNodes(tc.sample)
		if err != nil || len(list) != 1 || list[0].Addr.String() != tc.addr || list[0].Hostname != tc.hostname {
			t.Errorf("%q reads as %+v, %v; want address %s", tc.sample, list, err, tc.addr)
		}
	}
}

func TestParseNodesSaysWhatIsWrong(t *testing.T) {
	good := idA + " 127.0.0.1:1@2 master - 0 0 4 connected"
	for text, want := range map[string]string{
		"hello":                                    "line 1: 1 fields",
		good + " 1-x":                              "slot",
		good + " [93]":                             "no open slot",
		good + " [93->-" + idB:                     "no open slot",
		good + " [99999->-" + idB + "]":            "not a slot",
		good + " [93->-zz]":                        "not a node id",
		good + "\n" + good[1:]:                     "line 2",
		strings.Replace(good, ":1@", "@", 1):       "has no port",
		strings.Replace(good, ":1@", ":70000@", 1): "not a port",
		strings.Replace(good, " 4 ", " four ", 1):  "config-epoch",
		strings.Replace(good, " - 0", " - x", 1):   "ping-sent",
		strings.Replace(good, " - ", " me ", 1):    "its master",
	} {
		if _, err := ParseNodes(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v does not say %q", text, err, want)
		}
	}
}

func FuzzParseNodes(f *testing.F) {
	for _, s := range nodesSamples {
		f.Add(s)
	}
	f.Add(strings.Repeat("[", 100) + " - - - - - - - [->-] [-<-]")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := ParseNodes(text)
		if err != nil {
			return
		}
		for i := range list {
			m := &list[i]
			set := m.Slots()
			if set.Len() > slots.Count || len(m.Ranges)+len(m.Open) > len(text) {
				t.Fatalf("%q reads as %+v", text, m)
			}
			for _, o := range m.Open {
				// What is printed must be read as the same again.
				var again Member
				if err := again.addSlots(o.String()); err != nil || again.Open[0] != o {
					t.Fatalf("%v is read as %v, %v", o, again.Open, err)
				}
			}
		}
	})
}
