package sender

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"io"
	"os"
	"slices"
	"time"

	"github.com/slotmesh/slotmesh/internal/rdb"
	"github.com/slotmesh/slotmesh/slots"
)

// redisVersion is what the file says that it is of.
const redisVersion = "7.0.15"

// sendWholeFile sends the RDB file.
func (f *Sender) sendWholeFile() error {
	began := time.Now()
	size, keys, err := f.sendFile()
	if err == nil {
		f.log.Info("sent an RDB file", "addr", f.conn.RemoteAddr(), "keys", keys, "bytes", size, "took", time.Since(began))
	}
	return err
}

// sendFile sends it, as the follower understands it.
func (f *Sender) sendFile() (size int64, keys int, err error) {
	if !f.req.EOF {
		return f.sendSpooled()
	}
	f.state.Store(int32(Sending))
	var mark [20]byte
	rand.Read(mark[:])
	text := hex.AppendEncode(nil, mark[:])
	if err := f.write(append(append([]byte("$EOF:"), text...), "\r\n"...)); err != nil {
		return 0, 0, err
	}
	if size, keys, err = f.writeFile(f); err != nil {
		return size, keys, err
	}
	return size, keys, f.write(text)
}

// sendSpooled writes the file to the disk first, for its length.
func (f *Sender) sendSpooled() (size int64, keys int, err error) {
	file, err := os.CreateTemp("", "slotmesh-sync-*.rdb")
	if err != nil {
		return 0, 0, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	if size, keys, err = f.writeFile(&spool{f, file}); err != nil {
		return size, keys, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return size, keys, err
	}
	f.state.Store(int32(Sending))
	if err := f.write(bulkHead(size)); err != nil {
		return size, keys, err
	}
	buf := make([]byte, pieceSize)
	for left := size; left > 0; {
		n, err := file.Read(buf[:min(int64(len(buf)), left)])
		if err != nil {
			return size, keys, err
		}
		if err := f.write(buf[:n]); err != nil {
			return size, keys, err
		}
		if left -= int64(n); f.req.Only {
			continue
		}
		if err := f.stream.drain(); err != nil {
			return size, keys, err
		}
	}
	return size, keys, nil
}

// spool writes to a file, and tells the follower meanwhile that it is not forgotten.
type spool struct {
	f    *Sender
	file *os.File
}

func (s *spool) Write(b []byte) (int, error) {
	if time.Since(s.f.lastWrite) > time.Second {
		if err := s.f.write([]byte{'\n'}); err != nil {
			return 0, err
		}
	}
	return s.file.Write(b)
}

// writeFile writes the file, and reads the stream meanwhile.
func (f *Sender) writeFile(to io.Writer) (size int64, keys int, err error) {
	held := &holder{w: to}
	w := rdb.NewFileWriter(held)
	w.Aux("redis-ver", redisVersion)
	w.AuxInt("redis-bits", 64)
	w.AuxInt("ctime", time.Now().Unix())
	w.AuxInt("used-mem", f.streams.cfg.Store.Memory())
	w.AuxInt("aof-base", 0)
	if !f.req.NoFunctions {
		if err := f.writeLibraries(w); err != nil {
			return 0, 0, err
		}
	}
	if n := f.streams.cfg.Store.Len(); !f.req.NoData && n > 0 {
		if err := w.Database(n, 0); err != nil {
			return 0, 0, err
		}
		k := keyWriter{sender: f, w: w, held: held}
		for slot := range slots.Slot(slots.Count) {
			if err := k.slot(slot); err != nil {
				return 0, k.keys, err
			}
		}
		keys = k.keys
	}
	err = w.Close()
	return w.Size(), keys, err
}

// writeLibraries writes the sources of functions.
func (f *Sender) writeLibraries(w *rdb.FileWriter) error {
	sources, version := f.streams.cfg.Libraries.Sources()
	f.stream.version = version
	for _, name := range sortedNames(sources) {
		source := sources[name]
		if !f.stream.understands(name, source) {
			continue
		}
		if err := w.Function(source); err != nil {
			return err
		}
		f.stream.libraries[name] = string(source)
	}
	return nil
}

// understands reports whether a follower can load a library: one for Lua.
func (s *stream) understands(name string, source []byte) bool {
	const engine = "#!lua"
	if len(source) >= len(engine) && bytes.EqualFold(source[:len(engine)], []byte(engine)) {
		return true
	}
	s.cfg.Logger.Warn("a library of functions is not sent to a follower: it is not for Lua", "library", name)
	return false
}

func sortedNames(sources map[string][]byte) []string {
	names := make([]string, 0, len(sources))
	for name := range sources {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
