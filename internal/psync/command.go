package psync

import (
	"math"
	"strconv"
)

// appendCommand appends a command with its arguments, in the form of the protocol.
func appendCommand(dst []byte, args ...[]byte) []byte {
	dst = appendHead(dst, len(args))
	for _, a := range args {
		dst = appendArg(dst, a)
	}
	return dst
}

// appendHead begins a command of n arguments, with its name.
func appendHead(dst []byte, n int) []byte {
	dst = append(dst, '*')
	dst = strconv.AppendInt(dst, int64(n), 10)
	return append(dst, "\r\n"...)
}

func appendArg[T []byte | string](dst []byte, arg T) []byte {
	dst = append(dst, '$')
	dst = strconv.AppendInt(dst, int64(len(arg)), 10)
	dst = append(dst, "\r\n"...)
	dst = append(dst, arg...)
	return append(dst, "\r\n"...)
}

func appendInt(dst []byte, n int64) []byte {
	var text [20]byte
	return appendArg(dst, strconv.AppendInt(text[:0], n, 10))
}

func appendScore(dst []byte, score float64) []byte {
	var text [32]byte
	switch {
	case math.IsInf(score, 1):
		return appendArg(dst, "inf")
	case math.IsInf(score, -1):
		return appendArg(dst, "-inf")
	}
	return appendArg(dst, strconv.AppendFloat(text[:0], score, 'g', -1, 64))
}

// The commands that are sent beside those of the translation.
var (
	// Select is what a stream of commands begins with.
	Select = appendCommand(nil, []byte("SELECT"), []byte("0"))
	// Ping is sent now and then, so that the follower knows that the node is there.
	Ping = appendCommand(nil, []byte("PING"))
)

// AppendSet appends the command that makes key a string, with an expiry in Unix milliseconds,
// 0 for never.
func AppendSet(dst, key, value []byte, expireAt int64) []byte {
	if expireAt == 0 {
		dst = appendArg(appendHead(dst, 3), "SET")
		return appendArg(appendArg(dst, key), value)
	}
	dst = appendArg(appendHead(dst, 5), "SET")
	dst = appendArg(appendArg(appendArg(dst, key), value), "PXAT")
	return appendInt(dst, expireAt)
}

// AppendUnlink appends the command that deletes key.
func AppendUnlink(dst, key []byte) []byte {
	return appendArg(appendArg(appendHead(dst, 2), "UNLINK"), key)
}

// AppendRestoreHead appends what stands before a payload of size bytes in the command that
// makes key what the payload holds, and RestoreTail is what stands behind it.
func AppendRestoreHead(dst, key []byte, expireAt int64, size int) []byte {
	dst = appendArg(appendHead(dst, 6), "RESTORE")
	dst = appendInt(appendArg(dst, key), expireAt)
	dst = append(dst, '$')
	dst = strconv.AppendInt(dst, int64(size), 10)
	return append(dst, "\r\n"...)
}

// RestoreTail ends the command of AppendRestoreHead.
const RestoreTail = "\r\n$7\r\nREPLACE\r\n$6\r\nABSTTL\r\n"

// AppendFunctionLoad appends the command that loads a library of functions.
func AppendFunctionLoad(dst, source []byte) []byte {
	return appendCommand(dst, []byte("FUNCTION"), []byte("LOAD"), []byte("REPLACE"), source)
}

// AppendFunctionDelete appends the command that deletes a library of functions.
func AppendFunctionDelete(dst []byte, name string) []byte {
	return appendCommand(dst, []byte("FUNCTION"), []byte("DELETE"), []byte(name))
}
