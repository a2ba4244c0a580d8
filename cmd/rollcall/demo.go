package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"text/template"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"github.com/rollcall-dev/rollcall/api/client"
	"github.com/rollcall-dev/rollcall/cmd/rollcall/crowd"
	"github.com/rollcall-dev/rollcall/cmd/rollcall/settings"
	"github.com/rollcall-dev/rollcall/embedded"
)

// demoMost is how many users a demo may have: more would be a load test.
const demoMost = 20_000

// demo is what the flags of demo say.
type demo struct {
	addr, addrFile, dataDir string
	timeout                 time.Duration
	users                   int
	seed                    uint64
	open                    bool
}

func newDemoCommand(p *program) *cobra.Command {
	var d demo
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run a node with a crowd of users who come and go, to look at",
		Long: `Runs a node as serve --dev does, with users who do not exist: they log in, idle, close tabs, log out, fall silent, and
some are set busy. They go through the HTTP API like any others. Timeouts are short so that something happens. Its data
is removed at the end unless --data-dir says where to keep it. Until Ctrl-C.`,
		Example: `  rollcall demo
  rollcall demo --open
  rollcall demo --users 5000 --timeout 60s --addr :0`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error { return d.run(cmd.Context(), p) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.IntVar(&d.users, "users", 500, "users to play")
	flags.Uint64Var(&d.seed, "seed", 1, "seed of chance: the same plays the same users")
	settings.Duration(flags, &d.timeout, "timeout", "20s", "silence after which a session is offline, 3s at least")
	flags.StringVar(&d.addr, "addr", defaultAddr, "loopback address to listen at; port 0 picks a free one")
	flags.StringVar(&d.addrFile, "addr-file", "", "file that holds the bound address while the node is ready")
	flags.StringVar(&d.dataDir, "data-dir", "", "directory to keep the data in; where empty, a temporary one is removed at the end")
	flags.BoolVar(&d.open, "open", false, "open the admin page in a browser")
	return cmd
}

// config is that of the node.
func (d demo) config() serveConfig {
	var c serveConfig
	c.declare(pflag.NewFlagSet("", pflag.ContinueOnError)) // which sets the defaults
	c.dev, c.addr, c.addrFile, c.dataDir = true, d.addr, d.addrFile, d.dataDir
	c.timeout, c.heartbeat, c.leaveGrace = d.timeout, d.timeout*2/5, min(d.timeout/4, 5*time.Second)
	c.logLevel = "warn"
	c.complete()
	return c
}

func (d demo) run(ctx context.Context, p *program) (err error) {
	switch {
	case d.users < 1 || d.users > demoMost:
		return usagef("--users %d cannot be: give 1 to %d", d.users, demoMost)
	case d.timeout < 3*time.Second:
		return usagef("--timeout %s is too short: give 3s at least", d.timeout)
	}
	if d.dataDir == "" {
		dir, err := os.MkdirTemp("", "rollcall-demo-")
		if err != nil {
			return fmt.Errorf("making a directory for the demo: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		d.dataDir = filepath.Join(dir, "data")
	}
	c := d.config()
	if err := c.check(); err != nil {
		return err
	}
	for _, line := range p.strangers() {
		p.say("%s", line)
	}
	n, err := embedded.New(c.toEmbedded(newLogger(p.stderr, c.logFormat, c.logLevel)))
	if err != nil {
		return err
	}
	return c.explain(d.play(ctx, p, c, n))
}

// play runs the node and the crowd until ctx ends.
func (d demo) play(ctx context.Context, p *program, c serveConfig, n *embedded.Node) error {
	file := addrFile(d.addrFile)
	if err := file.clear(); err != nil {
		return err
	}
	var crowded errgroup.Group
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	err := attend(ctx, n, stopTime, func(addr string) error {
		crowd, err := d.crowd(p, c, addr)
		if err != nil {
			return err
		}
		crowded.Go(func() error { return crowd.Run(ctx) })
		if err := d.welcome(ctx, p, c, addr); err != nil {
			return err
		}
		return file.write(addr)
	})
	stop()
	return errors.Join(err, crowded.Wait(), file.remove())
}

func (d demo) crowd(p *program, c serveConfig, addr string) (*crowd.Crowd, error) {
	token, err := c.devToken("demo", "presence:admin presence:write")
	if err != nil {
		return nil, err
	}
	node, err := client.New(client.Config{Server: "http://" + addr, Token: token, HTTPClient: ownHTTP(), UserAgent: "rollcall-demo"})
	if err != nil {
		return nil, err
	}
	failed := func(err error) { p.say("the crowd: %v", err) }
	return &crowd.Crowd{Client: node, Users: d.users, Seed: d.seed, Beat: c.heartbeat, Failed: failed}, nil
}

func (d demo) welcome(ctx context.Context, p *program, c serveConfig, addr string) error {
	admin, err := c.devToken("admin", "presence:admin")
	if err != nil {
		return err
	}
	page := ""
	if hasPage(ctx, addr) {
		page = adminLink(addr, admin)
	}
	url := "http://" + addr
	var text bytes.Buffer // so that no line of the log gets between
	err = demoText.Execute(&text, map[string]any{"URL": url, "Page": page, "Admin": admin, "Users": d.users, "Timeout": brief(d.timeout), "TTL": brief(devTTL), "Rollcall": invocation()})
	if err == nil {
		_, err = text.WriteTo(p.stdout)
	}
	if err != nil {
		return fmt.Errorf("printing the welcome: %w", err)
	}
	if d.open {
		if page == "" {
			page = url + "/docs"
		}
		if err := openBrowser(ctx, page); err != nil {
			p.say("no browser was opened: %v", err)
		}
	}
	return nil
}

var demoText = template.Must(template.New("demo").Parse(`
  {{.Users}} users who do not exist come and go at {{.URL}}; whoever is silent for {{.Timeout}} is offline.
  NOT FOR PRODUCTION: the token below is for everybody who can read this terminal.
{{with .Page}}
  Admin page, signed in
    {{.}}
{{end}}
  API pages     {{.URL}}/docs
  Token of an admin, good for {{.TTL}} or until this stops
    {{.Admin}}

  In another terminal:
    export ROLLCALL_SERVER={{.URL}} ROLLCALL_TOKEN={{.Admin}}
    {{.Rollcall}} online --watch
    {{.Rollcall}} watch
    {{.Rollcall}} stats

  Ctrl-C ends it.

`))
