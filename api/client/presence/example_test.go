package presence_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/api/client"
	"github.com/rollcall-dev/rollcall/api/client/presence"
	"github.com/rollcall-dev/rollcall/embedded"
)

// Every request of somebody who is signed in says that he is there.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	node, ended := runNode(ctx)
	service, err := client.New(client.Config{Server: "http://" + node.Addr(), Token: token("shop", "presence:read presence:write")})
	if err != nil {
		log.Fatal(err)
	}
	beats, err := presence.New(service, presence.Options{
		User: func(r *http.Request) string { user, _, _ := r.BasicAuth(); return user }, // however your program knows
	})
	if err != nil {
		log.Fatal(err)
	}
	sent := make(chan error, 1)
	go func() { sent <- beats.Run(ctx) }()

	shop := beats.Touch(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "Welcome!") }))
	request := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	request.SetBasicAuth("alice", "wonderland")
	shop.ServeHTTP(httptest.NewRecorder(), request)

	for update, err := range service.Watch(ctx, client.WatchOptions{}) {
		if err != nil {
			log.Fatal(err)
		}
		switch u := update.(type) {
		case client.Snapshot:
			for _, p := range u.Users {
				fmt.Println(p.User, "is", p.Status)
				stop() // which ends the loop
			}
		case client.Change:
			fmt.Println(u.User, "is", u.Status)
			stop()
		}
	}
	stop()
	if err := <-sent; err != nil {
		log.Fatal(err)
	}
	if err := <-ended; err != nil {
		log.Fatal(err)
	}
	// Output: alice is online
}

var secret = []byte("thirty-two bytes or more, kept secret")

// runNode stands for the node that your program talks to.
func runNode(ctx context.Context) (node *embedded.Node, ended <-chan error) {
	dir, err := os.MkdirTemp("", "presence-")
	if err != nil {
		log.Fatal(err)
	}
	node, err = embedded.New(embedded.Config{Addr: "127.0.0.1:0", DataDir: dir, JWTSecret: secret})
	if err != nil {
		log.Fatal(err)
	}
	end := make(chan error, 1)
	go func() {
		err := node.Run(ctx)
		os.RemoveAll(dir)
		end <- err
	}()
	<-node.Ready()
	return node, end
}

func token(user, scope string) string {
	t, err := auth.Mint(secret, auth.MintClaims{User: user, Scope: scope})
	if err != nil {
		log.Fatal(err)
	}
	return t
}
