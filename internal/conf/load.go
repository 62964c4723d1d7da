package conf

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Warning is about something that was read but has no effect.
type Warning struct {
	At   string // "file:line" or "command line"
	Text string
}

func (w Warning) String() string { return w.At + ": " + w.Text }

// Error says that a directive cannot have a value.
type Error struct {
	At       string // "file:line" or "command line"
	Name     string // of the directive
	Value    string // "" if there is none, or it may be a secret
	Err      error  // why
	Accepted string // which values are
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %s %q: %v", e.At, e.Name, e.Value, e.Err)
	if e.Value == "" {
		text = fmt.Sprintf("%s: %s: %v", e.At, e.Name, e.Err)
	}
	if e.Accepted != "" {
		text += " (accepted: " + e.Accepted + ")"
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

const (
	maxFile    = 16 << 20 // a file longer than this is no configuration
	maxInclude = 16       // files within files
	maxFiles   = 1000     // files in all
	cmdLine    = "command line"
	program    = "program"
)

// Load reads a file, "-" for standard input, "" for none, then the overrides args:
// "--port", "7001", "--bind", "127.0.0.1", "::1", or "--port=7001", or "--port 7001" in
// one. It goes on after a bad value, so that err tells about all of them; each is an
// [*Error].
//
// A directive that is not obeyed although the node would be less protected than the file
// says is such an error too, unless one of args is "--allow-unprotected": then it is a
// warning.
func (t *Table) Load(file string, args []string) (*Settings, []Warning, error) {
	l := t.newLoader(readFile)
	switch file {
	case "":
	case "-":
		text, err := readAll("standard input", os.Stdin)
		if err != nil {
			return nil, nil, err
		}
		l.text("standard input", text)
	default:
		path, err := filepath.Abs(file)
		if err != nil {
			return nil, nil, err
		}
		text, err := readFile(path)
		if err != nil {
			return nil, nil, fmt.Errorf("cannot read the configuration: %w", err)
		}
		l.text(file, text)
		l.s.file = path
	}
	return l.finish(args)
}

// finish applies the command line and returns what Load returns.
func (l *loader) finish(args []string) (*Settings, []Warning, error) {
	l.args(args)
	l.classifyUnused()
	if dir, at := l.s.String("dir"), l.s.Where("dir"); at != "" {
		info, err := os.Stat(dir)
		if err == nil && !info.IsDir() {
			err = errors.New("that is a file")
		}
		if err != nil {
			l.fail(&Error{At: at, Name: "dir", Value: dir, Err: err, Accepted: "a folder that exists"})
		}
	}
	if err := errors.Join(l.errs...); err != nil {
		return nil, l.warnings, err
	}
	return l.s, l.warnings, nil
}

type loader struct {
	s        *Settings
	read     func(path string) (string, error)
	warnings []Warning
	errs     []error
	unused   []unused
	allow    bool // --allow-unprotected
	depth    int  // of includes
	files    int  // included so far
}

func (t *Table) newLoader(read func(string) (string, error)) *loader {
	return &loader{s: t.Defaults(), read: read}
}

// text applies the lines of a file.
func (l *loader) text(name, text string) {
	line := 0
	for raw := range strings.Lines(text) {
		line++
		at := fmt.Sprintf("%s:%d", name, line)
		words, err := splitLine(raw)
		switch {
		case err != nil:
			l.fail(&Error{At: at, Name: "line", Value: strings.Fields(raw)[0] + " …", Err: err}) // the rest may be a secret
		case len(words) == 0:
		case strings.EqualFold(words[0], "include"):
			l.include(at, words[1:])
		default:
			l.apply(at, words[0], words[1:])
		}
	}
}

// splitLine returns the words of a line of the file, none for a comment.
func splitLine(raw string) ([]string, error) {
	raw = strings.TrimSpace(raw)
	if raw == "" || raw[0] == '#' {
		return nil, nil
	}
	return split(raw)
}

// include reads the files that the patterns name. A pattern without wildcards must name a
// file.
func (l *loader) include(at string, patterns []string) {
	if len(patterns) != 1 {
		l.fail(&Error{At: at, Name: "include", Value: strings.Join(patterns, " "), Err: errArity,
			Accepted: "one path or pattern"})
		return
	}
	if l.files > maxFiles {
		return
	}
	if l.depth == maxInclude {
		l.files = maxFiles + 1 // one error is enough
		l.fail(&Error{At: at, Name: "include", Value: patterns[0],
			Err: fmt.Errorf("files include each other more than %d deep", maxInclude)})
		return
	}
	files := []string{patterns[0]}
	if strings.ContainsAny(patterns[0], "*?[") {
		files, _ = filepath.Glob(patterns[0])
	}
	l.depth++
	defer func() { l.depth-- }()
	for _, file := range files {
		if l.files++; l.files > maxFiles {
			l.fail(&Error{At: at, Name: "include", Value: file, Err: fmt.Errorf("more than %d files are included", maxFiles)})
			return
		}
		text, err := l.read(file)
		if err != nil {
			l.fail(&Error{At: at, Name: "include", Value: file, Err: err, Accepted: "a file that can be read"})
			continue
		}
		l.text(file, text)
	}
}

// args applies the overrides of the command line.
func (l *loader) args(args []string) {
	for len(args) > 0 {
		first, ok := strings.CutPrefix(args[0], "--")
		if !ok || first == "" {
			l.fail(&Error{At: cmdLine, Name: "argument", Value: args[0], Err: errors.New("belongs to no directive"),
				Accepted: "--directive value …"})
			return
		}
		n := 1
		for n < len(args) && !strings.HasPrefix(args[n], "--") {
			n++
		}
		name, values, err := splitArg(first)
		values = append(values, args[1:n]...)
		switch {
		case err != nil:
			l.fail(&Error{At: cmdLine, Name: "argument", Value: args[0], Err: err})
		case strings.EqualFold(name, "include"):
			l.include(cmdLine, values)
		case strings.EqualFold(name, allowUnprotected):
			l.allowUnprotected(values)
		default:
			l.apply(cmdLine, name, values)
		}
		args = args[n:]
	}
}

// splitArg cuts an argument of the command line, without its dashes, into a directive and
// the values that it holds: "port", "port=7001", or a line as in the file, "port 7001".
func splitArg(arg string) (name string, values []string, err error) {
	switch at := strings.IndexAny(arg, "= \t\r\n\v\f"); {
	case at < 0:
		return arg, nil, nil
	case arg[at] == '=':
		return arg[:at], []string{arg[at+1:]}, nil
	}
	words, err := split(arg)
	if err == nil && len(words) == 0 {
		err = errors.New("names no directive")
	}
	if err != nil {
		return "", nil, err
	}
	return words[0], words[1:], nil
}

// apply sets a directive.
func (l *loader) apply(at, name string, args []string) {
	i, known := l.s.table.find(name)
	if !known {
		l.fail(&Error{At: at, Name: "directive", Err: l.s.table.unknown(name)})
		return
	}
	d := &l.s.table.rows[i]
	if d.ignored() {
		l.setAside(d, at, args)
		return
	}
	old := (*l.s.values.Load())[i]
	if d.Kind == Save && old.at == "" {
		old = value{} // the first line replaces the default
	}
	var v value
	err := errArity
	if len(args) > 0 {
		v, err = d.parse(args, old)
	}
	switch {
	case err != nil:
		e := &Error{At: at, Name: d.Name, Value: strings.Join(args, " "), Err: err, Accepted: d.accepted()}
		if d.Secret {
			e.Value = ""
		}
		l.fail(e)
	case d.fixed():
		l.setAside(d, at, []string{v.text})
	case d.Kind == Renames:
		l.s.renames = append(l.s.renames, Rename{at, args[0], args[1]})
		fallthrough
	default:
		if d.Kind == Lines {
			l.s.lines = append(l.s.lines, line{d.Name, Line{at, args}})
		}
		v.at = at
		l.s.replace(i, v)
	}
}

func (l *loader) warn(at, format string, args ...any) {
	l.warnings = append(l.warnings, Warning{at, fmt.Sprintf(format, args...)})
}

func (l *loader) fail(err error) { l.errs = append(l.errs, err) }

func readFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return "", fmt.Errorf("%s is a folder, not a file", path)
	}
	return readAll(path, f)
}

func readAll(name string, r io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s is longer than %d bytes, that is no configuration", name, maxFile)
	}
	return string(text), err
}
