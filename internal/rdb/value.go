package rdb

import (
	"encoding/binary"
	"strconv"
)

// Type is what kind of value a payload holds. The numbers are those of Redis.
type Type uint8

// The types that are understood.
const (
	String Type = 0
	List   Type = 1
	Set    Type = 2
	ZSet   Type = 3
	Hash   Type = 4
	Stream Type = 6
)

// Element is one element of a collection.
type Element struct {
	Name     []byte  // a list's element, a set's member, a hash's field
	Value    []byte  // of a hash's field
	Score    float64 // of a sorted set's member
	ExpireAt int64   // of a hash's field: Unix milliseconds, 0 = never

	Stream *StreamPart // a part of a stream, which uses no other field
}

// form is how a value is written: the first byte of a payload.
type form byte

const (
	formString         form = 0
	formList           form = 1 // as many strings as the length before them says
	formSet            form = 2
	formZSet           form = 3 // scores as decimal text
	formHash           form = 4
	formZSet2          form = 5 // scores in binary
	formZipmap         form = 9
	formListZiplist    form = 10
	formIntset         form = 11
	formZSetZiplist    form = 12
	formHashZiplist    form = 13
	formQuicklist      form = 14 // a list of ziplists
	formStreamEarly    form = 15 // a stream of Redis 5 and 6
	formHashListpack   form = 16
	formZSetListpack   form = 17
	formQuicklist2     form = 18 // a list of listpacks and of single elements
	formStream         form = 19 // with counts of what was added and read
	formSetListpack    form = 20
	formStreamActive   form = 21 // with when a consumer was last given something
	formHashTimesEarly form = 22 // of the release candidates of 7.4
	formListpackEarly  form = 23
	formHashTimes      form = 24 // fields that expire
	formListpackTimes  form = 25

	// formHashTimesValkey is what Valkey 9 means by 22.
	formHashTimesValkey form = 0xff
)

// types says what the forms hold; every other is refused.
var types = map[form]Type{
	formString: String,
	formList:   List, formListZiplist: List, formQuicklist: List, formQuicklist2: List,
	formSet: Set, formIntset: Set, formSetListpack: Set,
	formZSet: ZSet, formZSet2: ZSet, formZSetZiplist: ZSet, formZSetListpack: ZSet,
	formHash: Hash, formZipmap: Hash, formHashZiplist: Hash, formHashListpack: Hash,
	formHashTimesEarly: Hash, formListpackEarly: Hash, formHashTimes: Hash, formListpackTimes: Hash,
	formStreamEarly: Stream, formStream: Stream, formStreamActive: Stream,
}

// Value is a value in a payload whose footer has been checked.
type Value struct {
	Type Type

	form form
	body []byte // what stands between the form and the footer
}

// Parse checks the footer of a payload and finds the type of the value in it, which aliases
// payload. The error is ErrPayload or an *UnsupportedError.
func Parse(payload []byte) (Value, error) {
	content, version, ok := unseal(payload)
	if !ok || len(content) == 0 {
		return Value{}, ErrPayload
	}
	typ, ok := types[form(payload[0])]
	if !ok {
		return Value{}, &UnsupportedError{Type: typeName(payload[0])}
	}
	v := Value{typ, form(payload[0]), content[1:]}
	if v.form == formHashTimesEarly && version == valkeyVersion {
		v.form = formHashTimesValkey
	}
	return v, nil
}

// typeName returns the name of a type that is not understood.
func typeName(form byte) string {
	if name, known := otherTypes[form]; known {
		return name
	}
	return "number " + strconv.Itoa(int(form))
}

// AppendPayload appends the payload of the value to dst, in the form that it was read in.
func (v Value) AppendPayload(dst []byte) []byte {
	start := len(dst)
	f := v.form
	if f == formHashTimesValkey {
		f = formHashTimesEarly
	}
	dst = append(append(dst, byte(f)), v.body...)
	dst = binary.LittleEndian.AppendUint16(dst, v.form.version())
	return binary.LittleEndian.AppendUint64(dst, crc64(dst[start:]))
}

// Size returns the bytes of the payload.
func (v Value) Size() int { return 1 + len(v.body) + footerSize }

// unseal checks the footer of a payload and returns what stands before it.
func unseal(payload []byte) (content []byte, version uint16, ok bool) {
	end := len(payload) - footerSize
	if end < 0 {
		return nil, 0, false
	}
	version = binary.LittleEndian.Uint16(payload[end:])
	if version > maxVersion && version != valkeyVersion ||
		binary.LittleEndian.Uint64(payload[end+2:]) != crc64(payload[:end+2]) {
		return nil, 0, false
	}
	return payload[:end:end], version, true
}

// Bytes returns a string; the result may alias the payload. The error is ErrFormat, also if
// the value is a collection.
func (v Value) Bytes() ([]byte, error) {
	if v.form != formString {
		return nil, ErrFormat
	}
	value, rest, ok := readString(v.body, nil)
	if !ok || len(rest) > 0 {
		return nil, ErrFormat
	}
	return value, nil
}
