// Package hll keeps HyperLogLogs, which estimate how many different elements a set has had,
// in the strings in which Redis keeps them, byte for byte: a string made here is read there,
// and the other way round. The estimates are equal, too.
//
// # Vocabulary
//
//   - A sketch is such a string: a header of 16 bytes ("HYLL", the encoding, three zeros,
//     the cached estimate in 8 bytes little-endian, whose highest bit says that it is out of
//     date) and 16,384 registers of 6 bits.
//   - An element belongs to the register that the low 14 bits of its hash name. The register
//     keeps the greatest number of bits up to the first 1 in the other 50.
//   - The dense encoding has every register, in 12,288 bytes. The sparse one has runs:
//     ZERO (00nnnnnn, 1 to 64 registers), XZERO (01nnnnnn nnnnnnnn, 1 to 16,384 registers)
//     and VAL (1vvvvvnn, 1 to 4 registers of a value from 1 to 32).
//
// The estimate is that of O. Ertl, "New cardinality estimation algorithms for HyperLogLog
// sketches", arXiv:1702.01284.
//
// # Example
//
//	sketch := hll.New()
//	sketch, changed, err := hll.Add(sketch, []byte("visitor"), hll.DefaultSparse)
//	n, err := hll.Count(sketch)
package hll
