package auth

import "errors"

// What a request's credentials can fail with. The text around a sentinel names the reason for the log; a client is
// told the sentinel alone, so that every faulty token gets the same answer.
var (
	// ErrMissing: the request carries no token at all (401, missing_token).
	ErrMissing = errors.New("auth: no token")
	// ErrInvalid: the token, or the way it was sent, is refused (401, invalid_token).
	ErrInvalid = errors.New("auth: token refused")
	// ErrExpired: the token is good in every way, its signature included, but its time is over (401, expired_token).
	ErrExpired = errors.New("auth: token expired")
	// ErrUnavailable: nothing can be said about the token, because the keys of the JWKS URL are not there (503,
	// auth_unavailable).
	ErrUnavailable = errors.New("auth: keys unavailable")
)
