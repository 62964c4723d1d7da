// Package rdb reads and writes the payload of DUMP and RESTORE: one value in the
// serialisation of Redis' snapshot files, closed by a footer of version and
// checksum. It lets a node exchange keys with a real Redis or Valkey.
//
// # Layout
//
//	type (1 byte) · value · version (2 bytes) · CRC-64/Jones of all before (8 bytes)
//
// both footer fields little-endian. Only strings (type 0) are understood; every
// other type is refused with its name. A string is written plain, a length and
// the bytes, which every version reads; it is read in all the forms that Redis writes:
// plain, as an integer of 8, 16 or 32 bits, and compressed with LZF.
//
// # Example
//
//	payload := rdb.AppendString(nil, []byte("hello"))
//	value, err := rdb.ParseString(payload) // aliases payload, if it was plain
package rdb
