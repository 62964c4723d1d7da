package server

import "github.com/slotmesh/slotmesh/internal/server/commands"

// The values of enable-debug-command, which says what clients may use DEBUG, which makes
// all of them wait, and of its kin.
const (
	ForNobody   = "no"
	ForLocal    = "local" // clients of this machine: see isLocal
	ForEveryone = "yes"
)

// errDebug is Redis' text.
const errDebug = replyError(`ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", ` +
	"you can run it from a local connection, otherwise you need to set this option in the configuration file, and " +
	"then restart the server.")

// Local reports whether the client is on this machine: see isLocal.
func (s *session) Local() bool { return isLocal(s.conn) }

// mayDebug says why this client may not use a command, if that is DEBUG.
func (s *session) mayDebug(cmd *commands.Command) error {
	switch {
	case !cmd.Has(commands.Protected) || s.srv.cfg.Debug == ForEveryone:
		return nil
	case s.srv.cfg.Debug == ForLocal && s.Local():
		return nil
	}
	return errDebug
}
