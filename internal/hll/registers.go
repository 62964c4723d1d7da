package hll

import "math"

// Registers are the registers of one or several sketches.
type Registers [registers]byte

// Merge makes each register at least that of a sketch. After an error some may have been
// raised.
func (r *Registers) Merge(sketch []byte) error {
	if err := Check(sketch, len(sketch)); err != nil {
		return err
	}
	b := sketch[HeaderSize:]
	if IsDense(sketch) {
		for i := 0; i < registers; i, b = i+4, b[3:] {
			r[i] = max(r[i], b[0]&63)
			r[i+1] = max(r[i+1], (b[0]>>6|b[1]<<2)&63)
			r[i+2] = max(r[i+2], (b[1]>>4|b[2]<<4)&63)
			r[i+3] = max(r[i+3], b[2]>>2)
		}
		return nil
	}
	at := 0
	for len(b) > 0 {
		run, ok := runAt(b)
		if !ok || at+run.length > registers {
			return ErrCorrupt
		}
		if run.value > 0 {
			for i := range run.length {
				r[at+i] = max(r[at+i], run.value)
			}
		}
		at, b = at+run.length, b[run.size:]
	}
	if at != registers {
		return ErrCorrupt
	}
	return nil
}

// dense returns a dense sketch with the header of another one.
func (r *Registers) dense(header []byte) []byte {
	out := make([]byte, HeaderSize, DenseSize)
	copy(out, header[:HeaderSize])
	out[encodingAt] = dense
	for i := 0; i < registers; i += 4 {
		out = append(out, r[i]|r[i+1]<<6, r[i+1]>>2|r[i+2]<<4, r[i+2]>>4|r[i+3]<<2)
	}
	Outdate(out)
	return out
}

// Store makes each register of a sketch at least what it is here. toDense makes the sketch
// dense; it becomes so as well when it gets too long, see [Add].
func (r *Registers) Store(sketch []byte, toDense bool, maxSparse int) (result []byte, err error) {
	if toDense && !IsDense(sketch) {
		var own Registers
		if err := own.Merge(sketch); err != nil {
			return nil, err
		}
		sketch = own.dense(sketch)
	}
	for i, count := range r {
		if count == 0 {
			continue
		}
		if sketch, _, err = raise(sketch, i, count, maxSparse); err != nil {
			return nil, err
		}
	}
	Outdate(sketch)
	return sketch, nil
}

// Count estimates how many different elements the sketches have had.
func (r *Registers) Count() uint64 {
	var histogram [64]int
	for _, v := range r {
		histogram[v]++
	}
	const m = float64(registers)
	z := m * tau((m-float64(histogram[restBits+1]))/m)
	for i := restBits; i >= 1; i-- {
		z += float64(histogram[i])
		z *= 0.5
	}
	z += m * sigma(float64(histogram[0])/m)
	const alpha = 0.721347520444481703680 // 1/(2 ln 2)
	return uint64(math.Round(alpha * m * m / z))
}

func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	y, z := 1.0, x
	for before := math.NaN(); before != z; {
		x *= x
		before = z
		z += float64(x * y) // rounded: no fused multiply-add, which would differ
		y += y
	}
	return z
}

func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	y, z := 1.0, 1-x
	for before := math.NaN(); before != z; {
		x = math.Sqrt(x)
		before = z
		y *= 0.5
		z -= float64(float64((1-x)*(1-x)) * y)
	}
	return z / 3
}

// Count returns the estimate of one sketch.
func Count(sketch []byte) (uint64, error) {
	if err := Check(sketch, len(sketch)); err != nil {
		return 0, err
	}
	if n, ok := Cached(sketch); ok {
		return n, nil
	}
	var r Registers
	if err := r.Merge(sketch); err != nil {
		return 0, err
	}
	return r.Count(), nil
}
