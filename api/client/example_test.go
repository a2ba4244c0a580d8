package client_test

import (
	"context"
	"fmt"
	"log"

	"github.com/rollcall-dev/rollcall/api/client"
)

// A program that is online while it runs asks with its own token, and reads what it has written.
func Example() {
	ctx := context.Background()
	c, err := client.New(client.Config{Server: "http://127.0.0.1:8080", Token: "token of alice"})
	if err != nil {
		log.Fatal(err)
	}
	session, err := c.Login(ctx, client.Login{Session: "worker-1"})
	if err != nil {
		log.Fatal(err)
	}
	me, err := c.Me(ctx, client.MinSeq(session.Seq))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(me.User, "is", me.Status, "and should beat every", session.Heartbeat)
}

// Unknown is not offline: it is a refusal with a code of its own.
func ExampleHasCode() {
	c, err := client.New(client.Config{Server: "http://127.0.0.1:8080", Token: "token of a reader"})
	if err != nil {
		log.Fatal(err)
	}
	carol, err := c.Status(context.Background(), "carol", 0)
	switch {
	case client.HasCode(err, client.CodeUnknownUser):
		fmt.Println("nobody has ever heard of carol")
	case err != nil:
		log.Fatal(err)
	default:
		fmt.Println("carol is", carol.Status)
	}
}
