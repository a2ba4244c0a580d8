package api_test

import (
	"context"
	"net/http"
	"time"

	"github.com/rollcall-dev/rollcall/api/auth"
)

// always is a verifier that takes every request for the admin it names, for tests that need a clock of their own.
type always string

func (a always) FromRequest(*http.Request) (*auth.Principal, error) {
	return &auth.Principal{User: string(a), Roles: auth.RoleAdmin, Expires: time.Now().Add(time.Hour)}, nil
}

func (a always) VerifyBytes(context.Context, []byte) (*auth.Principal, error) {
	return a.FromRequest(nil)
}

func (always) CacheStats() auth.CacheStats { return auth.CacheStats{} }
func (always) Ready() error                { return nil }
