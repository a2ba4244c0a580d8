package client_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/api/client"
	"github.com/rollcall-dev/rollcall/embedded"
)

// A program that keeps a list of who is online: it begins with a snapshot, follows every change, and begins anew after
// a reset. Connections that break are its business only if it wants to know.
func ExampleClient_Watch() {
	ctx, stop := context.WithCancel(context.Background())
	node, ended := runNode(ctx)
	reader, alice := clientOf(node, "reader", "presence:read"), clientOf(node, "alice", "")

	online := map[string]bool{}
	for update, err := range reader.Watch(ctx, client.WatchOptions{}) {
		if err != nil {
			log.Fatal(err)
		}
		switch u := update.(type) {
		case client.Reset:
			clear(online)
		case client.Snapshot:
			for _, p := range u.Users {
				online[p.User] = p.Status == client.StatusOnline
			}
			fmt.Println(len(online), "users when it began")
			if _, err := alice.Login(ctx, client.Login{Device: "laptop"}); err != nil {
				log.Fatal(err)
			}
		case client.Change:
			online[u.User] = u.Status == client.StatusOnline
			fmt.Println(u.User, "went from", u.From, "to", u.Status, "by", u.Cause)
			stop() // which ends the loop
		}
	}
	stop()
	if err := <-ended; err != nil {
		log.Fatal(err)
	}
	// Output:
	// 0 users when it began
	// alice went from offline to online by login
}

var secret = []byte("thirty-two bytes or more, kept secret")

// runNode stands for a node that runs elsewhere.
func runNode(ctx context.Context) (node *embedded.Node, ended <-chan error) {
	dir, err := os.MkdirTemp("", "rollcall-")
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

func tokenOf(user, scope string) string {
	token, err := auth.Mint(secret, auth.MintClaims{User: user, Scope: scope})
	if err != nil {
		log.Fatal(err)
	}
	return token
}

func clientOf(node *embedded.Node, user, scope string) *client.Client {
	c, err := client.New(client.Config{Server: "http://" + node.Addr(), Token: tokenOf(user, scope)})
	if err != nil {
		log.Fatal(err)
	}
	return c
}
