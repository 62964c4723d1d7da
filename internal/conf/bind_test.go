package conf

import (
	"errors"
	"io"
	"net"
	"testing"
)

func TestBindAddresses(t *testing.T) {
	for _, c := range []struct {
		args []string
		want []bindAddr
		host string
	}{
		{nil, []bindAddr{{network: "tcp"}}, "0.0.0.0"},
		{[]string{"--bind", "*"}, []bindAddr{{network: "tcp4"}}, "0.0.0.0"},
		{[]string{"--bind", "::"}, []bindAddr{{network: "tcp6"}}, "::"},
		{[]string{"--bind", "127.0.0.1", "::1"}, []bindAddr{{"tcp4", "127.0.0.1", false}, {"tcp6", "::1", false}},
			"127.0.0.1"},
		{[]string{"--bind", "127.0.0.1", "10.1.2.3"}, []bindAddr{{"tcp4", "127.0.0.1", false}, {"tcp4", "10.1.2.3", false}},
			"10.1.2.3"},
		{[]string{"--bind", "localhost", "10.1.2.3"}, []bindAddr{{"tcp", "localhost", false}, {"tcp4", "10.1.2.3", false}},
			"10.1.2.3"},
		{[]string{"--bind", "node-1"}, []bindAddr{{"tcp", "node-1", false}}, "node-1"},
	} {
		s, _, err := Load("", c.args)
		if err != nil {
			t.Fatal(err)
		}
		b := s.Bind()
		if len(b.addrs) != len(c.want) || b.Host() != c.host {
			t.Errorf("%q: %+v, host %s; want %+v", c.args, b.addrs, b.Host(), c)
			continue
		}
		for i := range c.want {
			if b.addrs[i] != c.want[i] {
				t.Errorf("%q: %+v, want %+v", c.args, b.addrs, c.want)
			}
		}
	}
}

func TestBindListens(t *testing.T) {
	for _, words := range [][]string{
		{"127.0.0.1"},
		{"127.0.0.1", "127.0.0.2"},
		{"-192.0.2.1", "127.0.0.1"}, // not an address of this machine, which is fine
	} {
		s, _, err := Load("", append([]string{"--bind"}, words...))
		if err != nil {
			t.Fatal(err)
		}
		b := s.Bind()
		l, err := b.Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(l.Addr().String())
		for _, a := range b.addrs {
			if a.optional {
				continue
			}
			c, err := b.Dial(t.Context(), net.JoinHostPort(a.host, port))
			if err != nil {
				t.Fatalf("%q: %v", words, err)
			}
			got, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			got.Close()
			if _, err := c.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("%q: accepted another connection: %v", words, err)
			}
			c.Close()
		}
		if _, err := b.Listen(l.Addr().String()); err == nil {
			t.Errorf("%q: a port that is in use", words)
		}
		for range 2 {
			l.Close()
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%q: Accept after Close: %v", words, err)
		}
	}
	s, _, _ := Load("", []string{"--bind", "-192.0.2.1"})
	if _, err := s.Bind().Listen(":0"); err == nil {
		t.Error("listens without an address")
	}
}
