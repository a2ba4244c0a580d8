package settings

import (
	"bytes"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/pflag"
)

const (
	prefix     = "ROLLCALL_"
	fileSuffix = "_FILE"
	maxSecret  = 64 << 10 // bytes of a secret's file; more is a mistake
)

// VariableOf is the variable of a flag.
func VariableOf(flag string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// variable is what the environment says about one flag.
type variable struct {
	name  string // as it stands in the environment
	value string // the flag's value, or where file is true the path of the file that holds it
	file  bool
	rival string // the other variable of the same secret, where both are there
}

// read returns the flag's value.
func (v variable) read() (string, error) {
	if v.rival != "" {
		return "", fmt.Errorf("%s and %s are both set: unset one of them", v.name, v.rival)
	}
	if !v.file {
		return v.value, nil
	}
	return readSecret(v.name, v.value)
}

// ours yields the variables that begin as ours do. An empty one counts as not set, as container tools leave them.
func ours(env []string) iter.Seq2[string, string] { // name → value
	return func(yield func(string, string) bool) {
		for _, pair := range env {
			name, value, _ := strings.Cut(pair, "=")
			if strings.HasPrefix(name, prefix) && value != "" && !yield(name, value) {
				return
			}
		}
	}
}

// readEnv sorts the variables by the flags that they belong to. own are the flags of the command that runs.
func readEnv(env []string, known Known, own *pflag.FlagSet, p *problems) map[string]variable {
	names := known.variables()
	wanted := variablesOf(own)
	vars := map[string]variable{}
	for name, value := range ours(env) {
		v, ok := names[name]
		if !ok {
			if right := misspelt(name, wanted); right != "" {
				p.addf("%s is no setting: did you mean %s?", name, right)
			}
			continue
		}
		entry := variable{name: name, value: value, file: v.file}
		if other, ok := vars[v.flag]; ok && other.name != name {
			entry.rival = other.name
		}
		vars[v.flag] = entry
	}
	return vars
}

// Strange returns the variables in env that begin as ours do and are none, in their order: whoever else works with
// Rollcall may have set them. Those that are nearly one for the flags of the command are not among them; Fill refuses them.
func Strange(known Known, flags *pflag.FlagSet, env []string) (found []string) {
	names, wanted := known.variables(), variablesOf(flags)
	for name := range ours(env) {
		if _, ok := names[name]; !ok && !foreign(name) && misspelt(name, wanted) == "" {
			found = append(found, name)
		}
	}
	return found
}

// variablesOf lists the variables that give flags their values.
func variablesOf(flags *pflag.FlagSet) map[string]variableName {
	own := Known{}
	own.Add(flags)
	return own.variables()
}

// misspelt returns the one of names that name was probably to be, "" where it is somebody else's.
func misspelt(name string, names map[string]variableName) string {
	if foreign(name) {
		return ""
	}
	word := plain(name)
	return closest(slices.Collect(maps.Keys(names)), typos(word), func(ours string) int { return distance(word, plain(ours)) })
}

// typos is how many wrong letters are a typing error in a word: two, but in a short one they would be most of it.
func typos(word string) int { return min(2, len(word)/3) }

type variableName struct {
	flag string
	file bool
}

// variables lists all variables that mean something.
func (k Known) variables() map[string]variableName {
	names := make(map[string]variableName, len(k))
	for flag, secret := range k {
		names[VariableOf(flag)] = variableName{flag: flag}
		if secret {
			names[VariableOf(flag)+fileSuffix] = variableName{flag: flag, file: true}
		}
	}
	return names
}

// links are the variables that Kubernetes and Docker set in every container beside a service whose name begins with
// rollcall.
var links = regexp.MustCompile(`^ROLLCALL_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

// foreign says whether a variable with our prefix is known to be somebody else's. An image tells its version in
// ROLLCALL_VERSION, by custom.
func foreign(name string) bool {
	return slices.Contains([]string{"ROLLCALL_VERSION"}, name) || links.MatchString(name)
}

// readSecret reads the file that variable names, less one newline at its end.
func readSecret(variable, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", variable, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", fmt.Errorf("%s: %w", variable, err)
	}
	secret := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	wrong := ""
	switch {
	case secret == "":
		return "", fmt.Errorf("%s: %s is empty: write the secret into it", variable, path)
	case len(text) > maxSecret:
		return "", fmt.Errorf("%s: %s is too long for a secret: give the file that holds it and nothing else", variable, path)
	case strings.HasPrefix(secret, "\xef\xbb\xbf"):
		wrong = "begins with a byte order mark: save it as UTF-8 without one"
	case wide(text):
		wrong = "is UTF-16: save it as UTF-8"
	case strings.HasSuffix(secret, "\n"), strings.HasSuffix(secret, "\r"):
		wrong = "ends in more than one newline: leave one at most"
	case blankEnds(secret):
		wrong = "has blanks before or after the secret: remove them"
	default:
		return secret, nil
	}
	return "", fmt.Errorf("%s: %s %s", variable, path, wrong)
}

// wide says whether text is UTF-16, as some editors and shells write it: with its
// byte order mark, or every other byte of it 0.
func wide(text []byte) bool {
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		return true
	}
	zeros := [2]int{}
	for i, b := range text {
		if b == 0 {
			zeros[i%2]++
		}
	}
	return len(text) >= 4 && len(text)%2 == 0 && max(zeros[0], zeros[1]) == len(text)/2
}

// blankEnds says whether a secret begins or ends with what nobody sees. One that
// is no text has ends like any other bytes.
func blankEnds(secret string) bool {
	return utf8.ValidString(secret) && strings.TrimFunc(secret, func(r rune) bool { return unicode.IsSpace(r) || r == '\u200b' || r == '\ufeff' }) != secret
}
