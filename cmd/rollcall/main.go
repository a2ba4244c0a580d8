// Command rollcall runs a presence node and talks to running ones. Each command has a file of its own; this one is all
// that knows the process: its arguments, environment, streams, signals and exit code.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	tuneCollector()
	os.Exit(run(untilAsked(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ()))
}

// untilAsked returns a context that ends with the first Ctrl-C or SIGTERM. The second one ends the process at once, for
// whoever does not want to wait any longer.
func untilAsked() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	asked := make(chan os.Signal, 2)
	signal.Notify(asked, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-asked
		cancel()
		<-asked
		os.Exit(exitNo)
	}()
	return ctx
}
