package bench

import (
	"bufio"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// latencies returns how long each write of a client took while meanwhile ran: one a
// millisecond, on one connection.
func latencies(b *testing.B, addr string, meanwhile func()) (list []time.Duration) {
	b.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	value := strings.Repeat("x", 100)
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-tick.C:
			case <-stop:
				done <- nil
				return
			}
			began := time.Now()
			fmt.Fprintf(conn, "SET key:%d %s\r\n", i%1000, value)
			if line, err := in.ReadString('\n'); err != nil || line != "+OK\r\n" {
				done <- fmt.Errorf("%q, %v", line, err)
				return
			}
			list = append(list, time.Since(began))
		}
	}()
	meanwhile()
	close(stop)
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	return list
}

// percentile returns the value that p percent of list do not exceed.
func percentile(list []time.Duration, p int) time.Duration {
	list = slices.Sorted(slices.Values(list))
	return list[(len(list)-1)*p/100]
}
