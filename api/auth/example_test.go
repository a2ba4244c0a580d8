package auth_test

import (
	"fmt"
	"net/http"

	"github.com/rollcall-dev/rollcall/api/auth"
)

func Example() {
	secret := []byte("at least thirty-two bytes, random")
	v, err := auth.New(auth.Config{Secret: secret})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := auth.Mint(secret, auth.MintClaims{User: "alice", Scope: "presence:read"})
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := http.NewRequest(http.MethodGet, "/v1/users/bob", http.NoBody)
	if err != nil {
		fmt.Println(err)
		return
	}
	r.Header.Set("Authorization", "Bearer "+token)

	p, err := v.FromRequest(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.User, p.Roles)
	fmt.Println("status of bob:", auth.Allow(p, auth.ActRead, "bob"))
	fmt.Println("sessions of bob:", auth.Allow(p, auth.ActReadPrivate, "bob"))
	// Output:
	// alice reader
	// status of bob: true
	// sessions of bob: false
}
