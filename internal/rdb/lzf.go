package rdb

// lzfMaxRatio bounds how far LZF can expand: three bytes of input copy at most
// 264 bytes of what was put out before.
const lzfMaxRatio = 264 / 3

// lzfExpand undoes LZF compression; size is the length the result must have. It
// reports false if the input is damaged or does not give size bytes. It
// allocates no more than lzfMaxRatio times the input.
//
// The input is a row of instructions. A control byte below 32 says that
// control+1 literal bytes follow. Otherwise its upper 3 bits plus 2 are a length (7:
// the next byte is added to it) and its lower 5 bits with the next byte, plus 1, the
// distance back from which that many bytes are copied, byte by byte, so that
// the copy may overlap itself.
func lzfExpand(in []byte, size int) ([]byte, bool) {
	if size > len(in)*lzfMaxRatio {
		return nil, false
	}
	out := make([]byte, 0, size)
	for len(in) > 0 {
		control := int(in[0])
		in = in[1:]
		if control < 32 {
			n := control + 1
			if n > len(in) || len(out)+n > size {
				return nil, false
			}
			out = append(out, in[:n]...)
			in = in[n:]
			continue
		}
		n := control >> 5
		if n == 7 {
			if len(in) == 0 {
				return nil, false
			}
			n += int(in[0])
			in = in[1:]
		}
		n += 2
		if len(in) == 0 {
			return nil, false
		}
		from := len(out) - (control&31<<8 | int(in[0])) - 1
		in = in[1:]
		if from < 0 || len(out)+n > size {
			return nil, false
		}
		for i := range n {
			out = append(out, out[from+i])
		}
	}
	return out, len(out) == size
}
