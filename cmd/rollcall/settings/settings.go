// Package settings gives a command's flags the values that nobody typed: from the environment, and below that from a
// file. Every value reaches its flag as text and through the flag's own parser, so that it means the same wherever it
// stands.
//
//	--rate-limit 20/s   over   ROLLCALL_RATE_LIMIT=20/s   over   rate-limit: 20/s   over   the default
//
// A key of the file that no flag has, and a variable that is nearly one of the command's, is an error that says which one was probably
// meant: a typing error must not pass unnoticed. Other variables that begin with ROLLCALL_ are somebody else's: see
// Strange.
package settings

import (
	"errors"

	"github.com/spf13/pflag"
)

// ConfigFlag is the flag that names the file. It has a variable like all others, but no key in the file.
const ConfigFlag = "config"

// ErrSettings is wrapped by everything that Fill returns. One error may join many: see Problems.
var ErrSettings = errors.New("wrong settings")

// Known are the flags of all commands: what a variable or a key of the file may be called, whoever uses it.
type Known map[string]bool // flag → it is a secret

// Add takes in the flags of one command.
func (k Known) Add(flags *pflag.FlagSet) {
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			k[f.Name] = k[f.Name] || isSecret(f)
		}
	})
}

// Fill sets every flag that the command line left alone to what env ("NAME=value" each, as os.Environ returns it) or
// the file say. It returns where each value is from, also beside an error; the error joins all problems.
func Fill(flags *pflag.FlagSet, known Known, env []string) (Origins, error) {
	p := &problems{}
	vars := readEnv(env, known, flags, p)
	f := fill{flags: flags, vars: vars, origins: Origins{}, problems: p}
	f.one(ConfigFlag)
	if config := flags.Lookup(ConfigFlag); config != nil && config.Value.String() != "" {
		f.keys = readFile(config.Value.String(), known, p)
	}
	flags.VisitAll(func(flag *pflag.Flag) { f.one(flag.Name) })
	return f.origins, p.join()
}

// fill is one run of Fill.
type fill struct {
	flags    *pflag.FlagSet
	vars     map[string]variable // flag → what the environment says
	keys     map[string]key      // flag → what the file says
	origins  Origins
	problems *problems
}

// one settles the flag of that name, unless it is settled.
func (f *fill) one(name string) {
	flag := f.flags.Lookup(name)
	if _, settled := f.origins[name]; flag == nil || settled || name == "help" {
		return
	}
	if flag.Changed {
		f.origins[name] = origin{FromFlag, "--" + name}
		return
	}
	if v, ok := f.vars[name]; ok {
		f.fromEnv(flag, v)
		return
	}
	if k, ok := f.keys[name]; ok {
		f.origins[name] = origin{FromFile, k.where}
		f.problems.add(k.set(f.flags, flag))
		return
	}
	f.origins[name] = origin{FromDefault, ""}
}

func (f *fill) fromEnv(flag *pflag.Flag, v variable) {
	f.origins[flag.Name] = origin{FromEnv, v.name}
	value, err := v.read()
	if err == nil {
		err = set(f.flags, flag, v.name, value)
	}
	f.problems.add(err)
}

// set gives a flag the text that stands at where.
func set(flags *pflag.FlagSet, flag *pflag.Flag, where, value string) error {
	err := flags.Set(flag.Name, value)
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		return Explain(where, value, flag, invalid.Unwrap())
	}
	return err
}
