package api

import "net/http"

// code names a kind of problem. It is a promise to clients; its type is /problems/<code>.
type code string

const (
	malformedBody        code = "malformed_body"
	unknownField         code = "unknown_field"
	invalidParameter     code = "invalid_parameter"
	missingToken         code = "missing_token"
	invalidToken         code = "invalid_token"
	expiredToken         code = "expired_token"
	notAllowed           code = "not_allowed"
	unknownUser          code = "unknown_user"
	noOverride           code = "no_override"
	notFound             code = "not_found"
	methodNotAllowed     code = "method_not_allowed"
	notAcceptable        code = "not_acceptable"
	requestTimeout       code = "request_timeout"
	idempotencyConflict  code = "idempotency_conflict"
	inProgress           code = "in_progress"
	bodyTooLarge         code = "body_too_large"
	unsupportedMediaType code = "unsupported_media_type"
	invalidUser          code = "invalid_user"
	invalidSession       code = "invalid_session"
	invalidDevice        code = "invalid_device"
	invalidType          code = "invalid_type"
	invalidStatus        code = "invalid_status"
	invalidInterval      code = "invalid_interval"
	invalidUntil         code = "invalid_until"
	invalidReason        code = "invalid_reason"
	tooManyUsers         code = "too_many_users"
	rateLimited          code = "rate_limited"
	internal             code = "internal"
	logUnavailable       code = "log_unavailable"
	logFull              code = "log_full"
	logSlow              code = "log_slow"
	viewBehind           code = "view_behind"
	authUnavailable      code = "auth_unavailable"
	shuttingDown         code = "shutting_down"
)

// kind is what all problems of a code share.
type kind struct {
	status int
	title  string
	retry  int // seconds of Retry-After, 0: none
}

var kinds = map[code]kind{
	malformedBody:        {status: http.StatusBadRequest, title: "The body cannot be read"},
	unknownField:         {status: http.StatusBadRequest, title: "The body has a field that is not known"},
	invalidParameter:     {status: http.StatusBadRequest, title: "A parameter is not valid"},
	missingToken:         {status: http.StatusUnauthorized, title: "A token is needed"},
	invalidToken:         {status: http.StatusUnauthorized, title: "The token is not valid"},
	expiredToken:         {status: http.StatusUnauthorized, title: "The token has expired"},
	notAllowed:           {status: http.StatusForbidden, title: "Not allowed"},
	unknownUser:          {status: http.StatusNotFound, title: "The user is not known"},
	noOverride:           {status: http.StatusNotFound, title: "The user has no override"},
	notFound:             {status: http.StatusNotFound, title: "There is nothing here"},
	methodNotAllowed:     {status: http.StatusMethodNotAllowed, title: "The method is not allowed"},
	notAcceptable:        {status: http.StatusNotAcceptable, title: "No acceptable answer"},
	requestTimeout:       {status: http.StatusRequestTimeout, title: "The body did not come in time"},
	idempotencyConflict:  {status: http.StatusConflict, title: "The key was used for another request"},
	inProgress:           {status: http.StatusConflict, title: "The views are being worked on"},
	bodyTooLarge:         {status: http.StatusRequestEntityTooLarge, title: "The body is too large"},
	unsupportedMediaType: {status: http.StatusUnsupportedMediaType, title: "The content type is not supported"},
	invalidUser:          {status: http.StatusUnprocessableEntity, title: "The user id is not valid"},
	invalidSession:       {status: http.StatusUnprocessableEntity, title: "The session id is not valid"},
	invalidDevice:        {status: http.StatusUnprocessableEntity, title: "The device is not valid"},
	invalidType:          {status: http.StatusUnprocessableEntity, title: "The event type is not valid"},
	invalidStatus:        {status: http.StatusUnprocessableEntity, title: "The status is not valid"},
	invalidInterval:      {status: http.StatusUnprocessableEntity, title: "The interval is not valid"},
	invalidUntil:         {status: http.StatusUnprocessableEntity, title: "The end of the override is not valid"},
	invalidReason:        {status: http.StatusUnprocessableEntity, title: "The reason is not valid"},
	tooManyUsers:         {status: http.StatusUnprocessableEntity, title: "Too many users in one request"},
	rateLimited:          {status: http.StatusTooManyRequests, title: "Too many requests", retry: 1},
	internal:             {status: http.StatusInternalServerError, title: "Something went wrong here"},
	logUnavailable:       {status: http.StatusServiceUnavailable, title: "The log is unavailable", retry: 1},
	logFull:              {status: http.StatusServiceUnavailable, title: "The log is full", retry: 30},
	logSlow:              {status: http.StatusServiceUnavailable, title: "The log is slow", retry: 1},
	viewBehind:           {status: http.StatusServiceUnavailable, title: "The view is behind", retry: 1},
	authUnavailable:      {status: http.StatusServiceUnavailable, title: "Tokens cannot be checked", retry: 5},
	shuttingDown:         {status: http.StatusServiceUnavailable, title: "This node is shutting down", retry: 1},
}
