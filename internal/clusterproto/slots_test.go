package clusterproto

import (
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

const (
	nodeA = "*3\r\n$9\r\n127.0.0.1\r\n:30001\r\n$40\r\n" + idA + "\r\n"
	nodeB = "*4\r\n$-1\r\n:30002\r\n$40\r\n" + idB + "\r\n*0\r\n"
	nodeC = "*4\r\n$1\r\n?\r\n:30003\r\n$40\r\n" + idB + "\r\n*2\r\n$2\r\nip\r\n$8\r\n10.0.0.3\r\n"
)

func readReply(t *testing.T, text string) *resp.Reply {
	t.Helper()
	reply, err := resp.NewReader(strings.NewReader(text)).Read()
	if err != nil {
		t.Fatal(err)
	}
	return &reply
}

func TestParseSlots(t *testing.T) {
	reply := readReply(t, "*2\r\n*4\r\n:0\r\n:5460\r\n"+nodeA+nodeB+"*4\r\n:5461\r\n:5461\r\n"+nodeB+nodeC)
	list, err := ParseSlots(reply, "asked")
	if err != nil || len(list) != 2 {
		t.Fatalf("reads as %v, %v", list, err)
	}
	a, b := slots.Addr{Host: "127.0.0.1", Port: 30001}, slots.Addr{Host: "asked", Port: 30002}
	if r := list[0]; r.First != 0 || r.Last != 5460 || r.Master != a || len(r.Replicas) != 1 || r.Replicas[0] != b {
		t.Errorf("the first row reads as %+v", r)
	}
	c := slots.Addr{Host: "10.0.0.3", Port: 30003}
	if r := list[1]; r.First != 5461 || r.Last != 5461 || r.Master != b || len(r.Replicas) != 1 || r.Replicas[0] != c {
		t.Errorf("the second row reads as %+v", r)
	}
}

func TestParseSlotsSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"*1\r\n*2\r\n:0\r\n:1\r\n":                         "row 1: 2 fields",
		"*1\r\n*3\r\n:2\r\n:1\r\n" + nodeA:                 "2-1 is not a range",
		"*1\r\n*3\r\n:0\r\n:16384\r\n" + nodeA:             "not a range",
		"*1\r\n*3\r\n$1\r\n0\r\n:1\r\n" + nodeA:            "not a range",
		"*1\r\n*3\r\n:0\r\n:1\r\n*1\r\n:1\r\n":             "node 1: is not a host",
		"*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\nh\r\n:-1\r\n": "node 1: is not a host",
	} {
		if _, err := ParseSlots(readReply(t, text), ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v does not say %q", text, err, want)
		}
	}
}

func FuzzParseSlots(f *testing.F) {
	f.Add("*1\r\n*4\r\n:0\r\n:5460\r\n" + nodeA + nodeB)
	f.Add("*1\r\n*3\r\n:0\r\n:99999\r\n" + nodeA)
	f.Add("*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$-1\r\n:65536\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		reply, err := resp.NewReader(strings.NewReader(text)).Read()
		if err != nil {
			return
		}
		list, err := ParseSlots(&reply, "asked")
		if err != nil {
			return
		}
		for _, r := range list {
			if r.First > r.Last || r.Last >= slots.Count || r.Master.Host == "" {
				t.Fatalf("%q reads as %+v", text, r)
			}
		}
	})
}
