package settings

import (
	"time"

	"github.com/spf13/pflag"
)

// duration is a pflag.Value that keeps the text it was given, so that 48h is not shown as 48h0m0s.
type duration struct {
	value *time.Duration
	text  string
}

// Duration declares a flag that holds a duration in Go's syntax. The default must be one; it panics otherwise.
func Duration(flags *pflag.FlagSet, value *time.Duration, name, standard, usage string) {
	d := &duration{value: value}
	if err := d.Set(standard); err != nil {
		panic(err)
	}
	flags.Var(d, name, usage)
}

func (d *duration) Set(text string) error {
	value, err := time.ParseDuration(text)
	if err != nil {
		return err
	}
	*d.value, d.text = value, text
	return nil
}

func (d *duration) String() string { return d.text }

func (*duration) Type() string { return "duration" }
