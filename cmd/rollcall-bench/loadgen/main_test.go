package loadgen

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

// nodeEnv says how the process that stands for a node behaves; the test sets it before it starts one.
const nodeEnv = "LOADGEN_TEST_NODE"

// TestMain lets the test binary be the program that a Bench starts: it takes the same arguments as rollcall.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "serve-204" || os.Args[1] == "serve") {
		os.Exit(beServer(os.Args[1:]))
	}
	goleak.VerifyTestMain(m)
}

// beServer is the baseline, or what stands for a node, until a SIGTERM. It returns the exit code.
func beServer(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	addr, addrFile := flagOf(args, "--addr"), flagOf(args, "--addr-file")
	var err error
	if args[0] == "serve-204" {
		err = ServeBaseline(ctx, addr, addrFile)
	} else {
		err = serveNode(ctx, args, addr, addrFile)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 3
	}
	return 0
}

var errWrongStart = errors.New("not started as a node is measured")

func serveNode(ctx context.Context, args []string, addr, addrFile string) error {
	if flagOf(args, "--sync") != "always" || flagOf(args, "--rate-limit") != "0" || len(flagOf(args, "--jwt-secret")) < minSecret {
		return errWrongStart
	}
	if err := os.Mkdir(flagOf(args, "--data-dir"), 0o700); err != nil {
		return err
	}
	switch os.Getenv(nodeEnv) {
	case "never ready":
		return errWrongStart
	case "dies under load":
		return serveOn(ctx, addr, addrFile, func(http.ResponseWriter, *http.Request) { os.Exit(7) })
	case "refuses some":
		return serveOn(ctx, addr, addrFile, refuseEvery(10))
	}
	return ServeBaseline(ctx, addr, addrFile)
}

func flagOf(args []string, name string) string {
	if i := slices.Index(args, name); i >= 0 && i+1 < len(args) {
		return args[i+1]
	}
	return ""
}
