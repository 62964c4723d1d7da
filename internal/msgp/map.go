package msgp

// MapWriter writes a map from numbers to values, and counts its entries. Those that have the
// zero value are left out. What another entry holds is appended to B after Key.
type MapWriter struct {
	B     []byte
	at, n int
}

// NewMap begins a map at the end of b.
func NewMap(b []byte) MapWriter {
	b, at := BeginMap(b)
	return MapWriter{B: b, at: at}
}

// Key begins an entry, and returns B.
func (w *MapWriter) Key(k uint64) []byte {
	w.n++
	w.B = AppendUint(w.B, k)
	return w.B
}

// Uint writes an entry that is a number.
func (w *MapWriter) Uint(k, v uint64) {
	if v != 0 {
		w.B = AppendUint(w.Key(k), v)
	}
}

// Bool writes an entry that is true.
func (w *MapWriter) Bool(k uint64, v bool) {
	if v {
		w.B = AppendBool(w.Key(k), true)
	}
}

// String writes an entry that is a string.
func (w *MapWriter) String(k uint64, s string) {
	if s != "" {
		w.B = AppendString(w.Key(k), s)
	}
}

// Done completes the map, and returns B.
func (w *MapWriter) Done() []byte { return EndMap(w.B, w.at, w.n) }
