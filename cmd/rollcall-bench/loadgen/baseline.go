package loadgen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/go-chi/chi/v5"
)

// shutdownTime is what requests under way have left when the baseline stops.
const shutdownTime = 5 * time.Second

// Baseline is the handler that a node is measured against: a chi router that answers a heartbeat, or a login, with 204
// and does nothing else.
func Baseline() http.Handler {
	router := chi.NewRouter()
	for _, path := range []string{HeartbeatPath, loginPath} {
		router.Post(path, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNoContent)
		})
	}
	return router
}

// baselineServer has the settings of the server of a node, because each of them costs something on every request.
func baselineServer() *http.Server {
	return &http.Server{
		Handler:           Baseline(),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
}

// ServeBaseline serves the Baseline at addr, a loopback address, until ctx ends. The bound address goes to addrFile, where
// one is named. It returns nil after the end of ctx, and ErrNotLoopback or ErrConfig for an address it will not take.
func ServeBaseline(ctx context.Context, addr, addrFile string) error {
	if _, err := loopback(ctx, "http://"+addr); err != nil {
		return err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("listening at %s: %w", addr, err)
	}
	if err := writeAddr(addrFile, listener.Addr()); err != nil {
		listener.Close()
		return err
	}
	return serve(ctx, baselineServer(), listener)
}

// serve blocks until ctx has ended and the server with it.
func serve(ctx context.Context, server *http.Server, listener net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	err := server.Shutdown(ending)
	if served := <-failed; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// writeAddr puts the address into file in one step, so that whoever waits for the file never reads half of it.
func writeAddr(file string, addr net.Addr) error {
	if file == "" {
		return nil
	}
	part := filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+".part")
	if err := os.WriteFile(part, []byte(addr.String()+"\n"), 0o600); err != nil { //nolint:gosec // the file is named by who runs the bench
		return fmt.Errorf("writing the address: %w", err)
	}
	if err := os.Rename(part, file); err != nil { //nolint:gosec // as above
		return fmt.Errorf("writing the address: %w", err)
	}
	return nil
}
