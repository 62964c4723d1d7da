//go:build !linux

package server

import (
	"errors"
	"net"
	"sync/atomic"
)

// socket is in use on Linux only: elsewhere sessions read and write through net.Conn.
type socket struct{ resting atomic.Bool }

func socketOf(net.Conn) *socket { return nil }

func (k *socket) poll(func() bool) error   { return errors.ErrUnsupported }
func (k *socket) Read([]byte) (int, error) { return 0, errors.ErrUnsupported }
func (k *socket) write([]byte) int         { return 0 }
func (k *socket) send([]byte) int          { return 0 }
func (k *socket) wakeIfEnded()             {}
func (k *socket) shutdown()                {}
