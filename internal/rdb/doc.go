// Package rdb reads and writes the payload of DUMP and RESTORE: one value in the
// serialisation of Redis' snapshot files, closed by a footer of version and
// checksum; and whole snapshot files. It lets a node exchange keys with a real Redis or Valkey.
//
// # Layout
//
//	form (1 byte) · value · version (2 bytes) · CRC-64/Jones of all before (8 bytes)
//
// both footer fields little-endian. Strings, lists, sets, sorted sets and hashes are read in
// every form that Redis 4.0 to 7.4 and Valkey 9 write, and older ones: tables, ziplists,
// zipmaps, intsets, listpacks, strings compressed with LZF; streams as Redis 5 to 7.4 and Valkey
// write them. The values of modules are refused with their name. What is written is what
// Redis 7.0 writes with rdbcompression no (RDB version 10), but for a hash whose fields
// expire, which only Redis 7.4 and later understand. Deleted entries, which Redis keeps in the
// nodes of a stream, are not written.
//
// The payload of FUNCTION DUMP and FUNCTION RESTORE has, for each library of functions, the
// byte 245 and its source as a string, before the same footer.
//
// # Files
//
// A FileWriter and a FileReader write and read whole snapshot files, as Redis saves them, begins
// an append-only file with them, and sends them to replicas: auxiliary fields, the sources of
// functions, and keys with their expiry, closed by a checksum. Values are the same as in
// payloads. Both work on a stream and hold little more than one value.
//
// # Example
//
//	payload := rdb.AppendString(nil, []byte("hello"))
//
//	outline := &rdb.Outline{Type: rdb.List} // a first pass: the sizes
//	for _, e := range elements {
//		outline.Add(&e)
//	}
//	encoder := rdb.NewEncoder(w, outline) // a second one: the bytes, outline.Size() of them
//	for _, e := range elements {
//		encoder.Add(&e)
//	}
//	err := encoder.Close()
//
//	value, err := rdb.Parse(payload)
//	err = value.Each(func(e *rdb.Element) error { … })
//
//	file := rdb.NewFileWriter(w)
//	err = file.Aux("redis-ver", "7.0.15")
//	err = file.Database(keys, expiring)
//	err = file.String(key, text, expireAt)
//	err = file.Collection(key, expireAt, outline, func(add func(*rdb.Element) error) error { … })
//	err = file.Close()
//
//	reader := rdb.NewFileReader(r)
//	for item, err := reader.Next(); err != io.EOF; item, err = reader.Next() {
//		… item.Kind, item.Name, item.ExpireAt, item.Value, item.More
//	}
package rdb
