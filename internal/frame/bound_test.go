package frame

import (
	"bytes"
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// pipe returns a bounded Reader and the far end of its connection.
func pipe(t *testing.T, max int) (*Reader, net.Conn) {
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close(); far.Close() })
	r := NewReader(near, max)
	r.Bound(near, ProgressTimeout)
	return r, far
}

// Half a frame, whatever length it claims, is not waited for, nor does it take what it
// claims.
func TestHalfFrameIsGivenUp(t *testing.T) {
	whole := Append(nil, make([]byte, 3<<20))
	for name, sent := range map[string]int{"one byte": 1, "a header": HeaderSize, "a part": 100_000,
		"all but a byte": len(whole) - 1} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, far := pipe(t, 400<<20)
				began := time.Now()
				go far.Write(whole[:sent])
				_, err := r.Next()
				if took := time.Since(began); !errors.Is(err, os.ErrDeadlineExceeded) || took != ProgressTimeout {
					t.Errorf("after %v: %v", took, err)
				}
				if cap(r.buf) > max(keepBuffer, 2*sent) {
					t.Errorf("%d bytes of memory for %d that came", cap(r.buf), sent)
				}
			})
		})
	}
}

// A frame may take long if it goes on, and no frame may be there for as long as one likes.
func TestSlowFrameArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		payload := bytes.Repeat([]byte("0123456789abcdef"), 5<<16)
		r, far := pipe(t, len(payload))
		go func() {
			for range 2 {
				time.Sleep(100 * ProgressTimeout)
				for rest := Append(nil, payload); len(rest) > 0; {
					n := min(len(rest), 512<<10)
					far.Write(rest[:n])
					rest = rest[n:]
					time.Sleep(ProgressTimeout / 3)
				}
			}
			far.Close()
		}()
		for range 2 {
			if got, err := r.Next(); err != nil || !bytes.Equal(got, payload) {
				t.Fatalf("%d bytes, %v", len(got), err)
			}
		}
		if _, err := r.Next(); err == nil {
			t.Error("no end")
		}
	})
}
