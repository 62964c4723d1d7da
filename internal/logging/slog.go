package logging

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"runtime"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"
)

// LevelTrace is the level at which hclog's Trace is passed on, below slog.LevelDebug.
const LevelTrace = slog.LevelDebug - 4

// FromSlog returns a logger that passes records on to l. The logger's name becomes the
// attribute "logger". Levels are those of l's handler; SetLevel does nothing.
func FromSlog(l *slog.Logger) hclog.Logger { return &slogLogger{handler: l.Handler()} }

// slogLogger passes the records of hclog on to a slog.Handler.
type slogLogger struct {
	handler slog.Handler // has the implied arguments
	name    string
	implied []any
}

var slogLevels = map[hclog.Level]slog.Level{
	hclog.Trace: LevelTrace,
	hclog.Debug: slog.LevelDebug,
	hclog.Info:  slog.LevelInfo,
	hclog.Warn:  slog.LevelWarn,
	hclog.Error: slog.LevelError,
}

func (l *slogLogger) Log(level hclog.Level, msg string, args ...any) { l.log(level, msg, args) }
func (l *slogLogger) Trace(msg string, args ...any)                  { l.log(hclog.Trace, msg, args) }
func (l *slogLogger) Debug(msg string, args ...any)                  { l.log(hclog.Debug, msg, args) }
func (l *slogLogger) Info(msg string, args ...any)                   { l.log(hclog.Info, msg, args) }
func (l *slogLogger) Warn(msg string, args ...any)                   { l.log(hclog.Warn, msg, args) }
func (l *slogLogger) Error(msg string, args ...any)                  { l.log(hclog.Error, msg, args) }

// log is called by the methods above only, so that the source of a record is their caller.
func (l *slogLogger) log(level hclog.Level, msg string, args []any) {
	if !l.enabled(level) {
		return
	}
	var pc [1]uintptr
	runtime.Callers(3, pc[:]) // without Callers, log and the method
	r := slog.NewRecord(time.Now(), slogLevels[level], msg, pc[0])
	if l.name != "" {
		r.AddAttrs(slog.String("logger", l.name))
	}
	r.Add(slogArgs(args)...)
	_ = l.handler.Handle(context.Background(), r) // hclog has no error to return
}

// slogArgs turns hclog's own kinds of values into ones that any handler prints.
func slogArgs(args []any) []any {
	args = slices.Clone(args)
	for i, a := range args {
		if f, ok := a.(hclog.Format); ok && len(f) > 0 {
			args[i] = fmt.Sprintf(fmt.Sprint(f[0]), f[1:]...)
		}
	}
	return args
}

func (l *slogLogger) enabled(level hclog.Level) bool {
	at, ok := slogLevels[level]
	return ok && l.handler.Enabled(context.Background(), at)
}

func (l *slogLogger) IsTrace() bool { return l.enabled(hclog.Trace) }
func (l *slogLogger) IsDebug() bool { return l.enabled(hclog.Debug) }
func (l *slogLogger) IsInfo() bool  { return l.enabled(hclog.Info) }
func (l *slogLogger) IsWarn() bool  { return l.enabled(hclog.Warn) }
func (l *slogLogger) IsError() bool { return l.enabled(hclog.Error) }

func (l *slogLogger) ImpliedArgs() []any { return l.implied }

func (l *slogLogger) With(args ...any) hclog.Logger {
	next := *l
	next.handler = slog.New(l.handler).With(slogArgs(args)...).Handler()
	next.implied = slices.Concat(l.implied, args)
	return &next
}

func (l *slogLogger) Name() string { return l.name }

func (l *slogLogger) Named(name string) hclog.Logger {
	if l.name != "" {
		name = l.name + "." + name
	}
	return l.ResetNamed(name)
}

func (l *slogLogger) ResetNamed(name string) hclog.Logger {
	next := *l
	next.name = name
	return &next
}

func (l *slogLogger) SetLevel(hclog.Level) {}

func (l *slogLogger) GetLevel() hclog.Level {
	for level := hclog.Trace; level <= hclog.Error; level++ {
		if l.enabled(level) {
			return level
		}
	}
	return hclog.Off
}

func (l *slogLogger) StandardLogger(*hclog.StandardLoggerOptions) *log.Logger {
	return slog.NewLogLogger(l.handler, slog.LevelInfo)
}

func (l *slogLogger) StandardWriter(opts *hclog.StandardLoggerOptions) io.Writer {
	return l.StandardLogger(opts).Writer()
}
