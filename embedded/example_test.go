package embedded_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/api/client"
	"github.com/rollcall-dev/rollcall/embedded"
)

// A program with an HTTP server of its own serves presence under a prefix of it. Until the node is ready, requests get
// 503 with Retry-After.
func Example() {
	dir, err := os.MkdirTemp("", "presence-")
	if err != nil {
		log.Fatal(err)
	}
	secret := []byte("thirty-two bytes or more, kept secret")

	node, err := embedded.New(embedded.Config{DataDir: dir, JWTSecret: secret})
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- node.Run(ctx) }()

	mux := http.NewServeMux()
	mux.Handle("/presence/", http.StripPrefix("/presence", node.Handler()))
	server := httptest.NewServer(mux)

	<-node.Ready()
	fmt.Println(login(server.URL+"/presence", secret))

	server.Close()
	stop()
	if err := <-ended; err != nil { // Run returns when everything is written down and closed
		log.Fatal(err)
	}
	os.RemoveAll(dir)
	// Output: alice is online
}

// login is what a client of that program does.
func login(url string, secret []byte) string {
	token, err := auth.Mint(secret, auth.MintClaims{User: "alice"})
	if err != nil {
		log.Fatal(err)
	}
	c, err := client.New(client.Config{Server: url, Token: token})
	if err != nil {
		log.Fatal(err)
	}
	session, err := c.Login(context.Background(), client.Login{Device: "laptop"})
	if err != nil {
		log.Fatal(err)
	}
	me, err := c.Me(context.Background(), client.MinSeq(session.Seq))
	if err != nil {
		log.Fatal(err)
	}
	return fmt.Sprint(me.User, " is ", me.Status)
}
