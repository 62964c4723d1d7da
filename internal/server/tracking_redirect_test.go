package server

import (
	"net"
	"testing"
)

// TestRedirectWakesIdleClients: a client that is told instead of another one has said
// nothing of it, and waits at its bare socket.
func TestRedirectWakesIdleClients(t *testing.T) {
	srv := startServer(t, Config{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go srv.Serve(ln)
	dial := func() trackingClient {
		conn, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return trackingClient{newRawConn(t, conn)}
	}
	told, reader := dial(), dial()
	told.do("HELLO", "3")
	id := string(told.do("CLIENT", "ID"))
	reader.all("CLIENT TRACKING on REDIRECT " + id[1:len(id)-2])
	reader.all("GET k")
	reader.all("SET k 1")
	if got := string(told.reply()); got != invalidateK {
		t.Errorf("the client was told %q, want %q", got, invalidateK)
	}
	if got := string(told.do("PING")); got != "+PONG\r\n" {
		t.Errorf("the client got %q afterwards", got)
	}
	reader.all("HELLO 3")
	reader.all("GET k")
	told.conn.Close()
	for _, ss := range srv.clients() {
		if ss.id != 2 && ss.hasFlag(clientRESP3) && !ss.hasFlag(clientTracking) {
			<-ss.ended
		}
	}
	want := "+OK\r\n>2\r\n$21\r\ntracking-redir-broken\r\n" + id
	if got := reader.all("SET k 2"); got != want {
		t.Errorf("the reader got %q, want %q", got, want)
	}
}
