package main

import (
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/spf13/cobra"
)

// version is set by the linker (-X main.version=v1.2.3) in releases.
var version string

// build is what this binary was made of.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"` // "" where it was not built in a checkout
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

var buildVersion = sync.OnceValue(func() build {
	b := build{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				b.Commit = s.Value
			case "vcs.modified":
				b.Modified = s.Value == "true"
			}
		}
		if b.Version == "" {
			b.Version = info.Main.Version
		}
	}
	if b.Version == "" || b.Version == "(devel)" {
		b.Version = "devel"
	}
	return b
})

func newVersionCommand(p *program) *cobra.Command {
	var o output
	cmd := &cobra.Command{
		Use:         "version",
		Short:       "Print the version",
		Example:     `  rollcall version -o json`,
		Args:        takes(),
		Annotations: withSettings(settingsIgnored),
		RunE: func(*cobra.Command, []string) error {
			return printOne(p, o, buildColumns, buildVersion())
		},
	}
	o.declare(cmd)
	return cmd
}

var buildColumns = []column[build]{
	{"version", func(b build) string { return b.Version }},
	{"commit", func(b build) string { return b.Commit }},
	{"go", func(b build) string { return b.Go }},
	{"platform", func(b build) string { return b.Platform }},
}
