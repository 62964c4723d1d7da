package conf

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

const allowUnprotected = "allow-unprotected"

// unused is a directive that was read and is not obeyed.
type unused struct {
	*Directive
	at   string
	args []string
}

// setAside keeps a directive that is not obeyed until all have been read: a later line
// takes the place of an earlier one, and what a line means may depend on others.
func (l *loader) setAside(d *Directive, at string, args []string) {
	if !d.FileOnly {
		l.unused = slices.DeleteFunc(l.unused, func(u unused) bool { return u.Directive == d })
	}
	l.unused = append(l.unused, unused{d, at, args})
}

// classifyUnused refuses what protects, warns of what makes a difference, and tells the
// rest in one line.
func (l *loader) classifyUnused() {
	var rest []unused
	for _, u := range l.unused {
		d := u.Directive
		switch {
		case d.asDefault(u.args):
		case d.effect == protects:
			l.refuse(d, u.at)
		case d.effect == differs:
			l.warn(u.at, "%s", u)
		default:
			rest = append(rest, u)
		}
	}
	switch len(rest) {
	case 0:
	case 1:
		l.warn(rest[0].at, "%s", rest[0])
	default:
		l.warn(source(rest), "%d directives are ignored, for there is nothing here that they could tune: %s", len(rest),
			names(rest))
	}
}

// String never shows the value, which may be a secret.
func (u unused) String() string {
	if u.fixed() {
		return fmt.Sprintf("%s stays %s: %s", u.Name, quote(u.Default), u.reason)
	}
	return fmt.Sprintf("%s is ignored: %s", u.Name, u.reason)
}

// refuse keeps the node from starting without a directive, unless that is allowed.
func (l *loader) refuse(d *Directive, at string) {
	if l.allow {
		l.warn(at, "%s is ignored, as --%s allows: the node is less protected than this line says: %s", d.Name,
			allowUnprotected, d.reason)
		return
	}
	l.fail(&Error{At: at, Name: d.Name, Err: fmt.Errorf("the node would be less protected than this line says: %s; %s, "+
		"or start with --%s", d.reason, d.remedy, allowUnprotected)})
}

// allowUnprotected reads the option of that name, which stands on the command line only:
// what a file allowed would soon be forgotten.
func (l *loader) allowUnprotected(args []string) {
	v, err := value{num: 1}, error(nil)
	switch {
	case len(args) > 1:
		err = errArity
	case len(args) == 1:
		v, err = parseBool(args[0])
	}
	if err != nil {
		l.fail(&Error{At: cmdLine, Name: allowUnprotected, Value: strings.Join(args, " "), Err: err,
			Accepted: "yes, no, or nothing for yes"})
		return
	}
	l.allow = v.num == 1
}

// source is where all of a list stand, without the lines.
func source(list []unused) string {
	file := func(u unused) string {
		at, _, _ := cutLast(u.at, ":")
		return at
	}
	for _, u := range list {
		if file(u) != file(list[0]) {
			return "configuration"
		}
	}
	return file(list[0])
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func names(list []unused) string {
	words := make([]string, len(list))
	for i, u := range list {
		words[i] = u.Name
	}
	return strings.Join(words, ", ")
}

// unknown is the error about a directive that is none, with the one that may be meant.
func (t *Table) unknown(name string) error {
	text := fmt.Sprintf("%s is not one of those of Redis, Valkey or slotmesh", quote(name))
	if strings.EqualFold(name, allowUnprotected) {
		return fmt.Errorf("--%s belongs on the command line, not into a file", allowUnprotected)
	}
	if meant := t.nearest(strings.ToLower(name)); meant != "" {
		text += fmt.Sprintf(": did you mean %s?", meant)
	}
	return errors.New(text)
}
