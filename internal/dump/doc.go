// Package dump writes collections of a store in the form of DUMP, which is that of RDB files,
// and builds them of it. Package rdb has the form, package keyspace the collections:
//
//	payload := dump.New(snapshot, snapshot.Encoding(), dump.Options{})
//	err := payload.Encode(w) // payload.Outline.Size() bytes
//
//	value, err := rdb.Parse(bytes)
//	collection, err := dump.Collect(value, store.Encodings().StreamNodes)
package dump
