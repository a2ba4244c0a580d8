package settings

import (
	"strings"

	"github.com/spf13/pflag"
)

// Origin is the kind of place that a value is from.
type Origin string

// The origins, strongest first.
const (
	FromFlag    Origin = "flag"
	FromEnv     Origin = "env"
	FromFile    Origin = "file"
	FromDefault Origin = "default"
)

type origin struct {
	kind  Origin
	where string
}

// Origins say where the value of each flag is from.
type Origins map[string]origin // flag → origin

// Of returns the origin of a flag's value; FromDefault for a flag that Fill has not seen.
func (o Origins) Of(flag string) Origin {
	if at, ok := o[flag]; ok {
		return at.kind
	}
	return FromDefault
}

// Setting is one value in force, fit to be shown.
type Setting struct {
	Name   string `json:"name"`
	Value  string `json:"value"` // Mask where it is secret
	Origin Origin `json:"origin"`
	Where  string `json:"where,omitempty"` // the flag, the variable, or the line of the file
}

// List returns the flags with those names, in that order.
func (o Origins) List(flags *pflag.FlagSet, names []string) []Setting {
	list := make([]Setting, 0, len(names))
	for _, name := range names {
		if f := flags.Lookup(name); f != nil {
			list = append(list, Setting{Name: name, Value: shown(f), Origin: o.Of(name), Where: o[name].where})
		}
	}
	return list
}

// Mask stands for a secret that is set.
const Mask = "********"

const secretMark = "rollcall_secret"

// Secret marks flags whose values are never shown, and may be in a file that ROLLCALL_<FLAG>_FILE names.
func Secret(flags *pflag.FlagSet, names ...string) {
	for _, name := range names {
		if f := flags.Lookup(name); f != nil {
			if f.Annotations == nil {
				f.Annotations = map[string][]string{}
			}
			f.Annotations[secretMark] = []string{"true"}
		}
	}
}

func isSecret(f *pflag.Flag) bool { return len(f.Annotations[secretMark]) > 0 }

// shown is a flag's value without what is secret in it.
func shown(f *pflag.Flag) string {
	if many, ok := f.Value.(pflag.SliceValue); ok {
		return strings.Join(many.GetSlice(), ",")
	}
	value := f.Value.String()
	switch {
	case value == "":
		return ""
	case isSecret(f):
		return Mask
	case strings.HasSuffix(f.Name, "-url") || f.Name == "server":
		return withoutPasswords(value)
	}
	return value
}

// withoutPasswords masks what stands before the host of a URL, or of each of a list of them: a password, or a token.
// It does not parse them: a password may well be what keeps them from being proper URLs.
func withoutPasswords(value string) string {
	parts := strings.Split(value, ",")
	for i, part := range parts {
		at := strings.LastIndex(part, "@")
		if at < 0 {
			continue
		}
		scheme := ""
		if j := strings.Index(part, "://"); j >= 0 && j < at {
			scheme = part[:j+len("://")]
		}
		parts[i] = scheme + Mask + part[at:]
	}
	return strings.Join(parts, ",")
}
