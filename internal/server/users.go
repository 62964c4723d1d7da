package server

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/slotmesh/slotmesh/internal/acl"
	"github.com/slotmesh/slotmesh/storage"
)

// ErrUsersTwice is Redis' text about a configuration with users and an ACL file.
//
//nolint:staticcheck // Redis' text
var ErrUsersTwice = errors.New("Configuring Redis with users defined in redis.conf and at the same setting an ACL " +
	"file path is invalid. This setup is very likely to lead to configuration errors and security holes, please " +
	"define either an ACL file or declare users directly in your redis.conf, but not both.")

// UserError says which of Config.Users is wrong.
type UserError struct {
	Index int
	Err   error
}

func (e *UserError) Error() string { return fmt.Sprintf("Users[%d]: %v", e.Index, e.Err) }

// Unwrap returns the reason.
func (e *UserError) Unwrap() error { return e.Err }

// CheckUsers tells what is wrong with Config.Users, except for commands that do not exist:
// the host program may add them later. An error about a line is a *UserError.
func CheckUsers(lines []string, file string) error {
	if file != "" && len(lines) > 0 {
		return ErrUsersTwice
	}
	catalog, err := catalogOf(builtIn)
	if err != nil {
		return err
	}
	err = define(acl.NewUsers(catalog), lines)
	if errors.Is(err, acl.ErrUnknownCommand) {
		return nil
	}
	return err
}

// define makes the users of Config.Users.
func define(users *acl.Users, lines []string) error {
	list := make([]acl.Definition, len(lines))
	for i, line := range lines {
		d, err := acl.ParseDefinition(line)
		if err != nil {
			return &UserError{i, err}
		}
		list[i] = d
	}
	if users.Define(list) == nil {
		return nil
	}
	i := 0
	for users.Define(list[:i+1]) == nil {
		i++
	}
	return &UserError{i, users.Define(list[:i+1])}
}

// makeUsers makes the users that the configuration tells of.
func (s *Server) makeUsers() error {
	catalog, err := catalogOf(s.original)
	if err != nil {
		return err
	}
	s.users, s.denials = acl.NewUsers(catalog), acl.NewLog(acl.DefaultLogLen)
	s.SetLimits(s.cfg.Limits)
	if s.cfg.UserFile == "" {
		return define(s.users, s.cfg.Users)
	}
	if len(s.cfg.Users) > 0 {
		return ErrUsersTwice
	}
	_, err = s.loadUsers()
	return err
}

// maxUserFile bounds the ACL file, in bytes.
const maxUserFile = 16 << 20

// loadUsers reads the ACL file, all or nothing. It returns the users that are gone, or may
// do something else now: their connections must be closed. Those of the default user stay,
// as in Redis.
func (s *Server) loadUsers() (changed []*acl.User, err error) {
	before := make(map[*acl.User]string)
	for _, u := range s.users.All() {
		before[u] = u.String()
	}
	text, err := readUserFile(s.cfg.UserFile)
	if err != nil {
		return nil, err
	}
	if _, err := s.users.Load(s.cfg.UserFile, text); err != nil {
		return nil, err
	}
	delete(before, s.users.Default())
	for u, was := range before {
		if u.String() != was || s.users.Lookup(u.Name()) != u {
			changed = append(changed, u)
		}
	}
	return changed, nil
}

func readUserFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("Error loading ACLs, opening file '%s': %s", path, reasonOf(err))
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxUserFile+1))
	if err == nil && len(text) > maxUserFile {
		err = fmt.Errorf("it is longer than %d bytes", maxUserFile)
	}
	if err != nil {
		return "", fmt.Errorf("Error loading ACLs, reading file '%s': %s", path, reasonOf(err))
	}
	return string(text), nil
}

// reasonOf returns why a file could not be opened, as C's strerror says it.
func reasonOf(err error) string {
	var path *fs.PathError
	if !errors.As(err, &path) {
		return err.Error()
	}
	text := path.Err.Error()
	if _, ok := path.Err.(syscall.Errno); ok && text != "" {
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	return text
}

// saveUsers writes the ACL file, all or nothing, for its owner's eyes only.
func (s *Server) saveUsers() error {
	path := s.cfg.UserFile
	return storage.WriteFile(storage.Dir(filepath.Dir(path)), filepath.Base(path), []byte(s.users.Text()))
}

// Users returns the users as lines of the directive "user", each cut into words. It returns
// none if there is only the default user, and "requirepass" says all about it.
func (s *Server) Users() (lines [][]string) {
	all := s.users.All()
	s.mu.Lock()
	password := s.password
	s.mu.Unlock()
	plain := acl.NewUsers(s.users.Catalog())
	plain.RequirePassword(password)
	if len(all) == 1 && all[0].String() == plain.Default().String() {
		return nil
	}
	for _, u := range all {
		lines = append(lines, append([]string{u.Name()}, u.Rules().Modifiers()...))
	}
	return lines
}

// disconnectUsers closes the connections of some users, the session's own after the reply.
func (s *session) disconnectUsers(gone []*acl.User) {
	if len(gone) == 0 {
		return
	}
	is := make(map[*acl.User]bool)
	for _, u := range gone {
		is[u] = true
	}
	for _, other := range s.srv.clients() {
		if is[other.shared.user.Load()] {
			s.kill(other)
		}
	}
}

// Authorize checks that the password is the user's, and that the user may run the commands,
// each a line such as "CLUSTER SHARDS". No user is the default one; with no password either,
// this is what a client is that has not said who it is. A wrong password is noted in the ACL
// log.
func (s *Server) Authorize(user, password string, commands []string) error {
	u := s.users.Default()
	switch {
	case user == "" && password == "":
		if s.users.AuthRequired() {
			return errNoAuth
		}
	default:
		name := cmp.Or(user, u.Name())
		if u = s.users.Authenticate(name, []byte(password)); u == nil {
			s.denials.Add(acl.Entry{Reason: acl.DeniedAuth, Object: "AUTH", Username: name, Updated: s.cfg.Now()})
			return errWrongPass
		}
	}
	for _, line := range commands {
		var args [][]byte
		for word := range strings.FieldsSeq(line) {
			args = append(args, []byte(word))
		}
		cmd, err := s.original.Resolve(args)
		if err != nil {
			return err
		}
		if u.Check(&acl.Request{Command: cmd.ID, Args: args, Keys: cmd.KeyRanges(nil, args),
			Channels: cmd.ChannelRange(args)}).Denied() {
			return replyError("NOPERM this user has no permissions to run the '" + cmd.Name + "' command")
		}
	}
	return nil
}
