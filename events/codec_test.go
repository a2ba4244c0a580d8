package events_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/events"
)

const login = `"type":"login","user":"alice","at":"2026-11-23T08:00:00.123Z","actor":"alice"`

// at is how an event ends.
const at = `"at":"2026-11-23T08:00:00.123Z","actor":"alice"}`

func TestDecodeSaysWhatIsWrongWithAnEvent(t *testing.T) {
	hash := strings.Repeat("0af9", 16)
	for name, test := range map[string]struct {
		data string
		want error
	}{
		"sound":                               {`{"v":1,` + login + `}`, nil},
		"fields nobody knows":                 {`{"v":1,"mood":"fine",` + login + `}`, nil},
		"another offset":                      {`{"v":1,"type":"login","user":"alice","at":"2026-11-23T10:00:00.123+02:00","actor":"alice"}`, nil},
		"unknown type":                        {`{"v":1,"type":"waved","user":"alice",` + at, events.ErrUnknownType},
		"unknown type without a time":         {`{"v":1,"type":"waved","user":"alice"}`, events.ErrUnknownType},
		"no type":                             {`{"v":1,"user":"alice",` + at, events.ErrUnknownType},
		"newer version":                       {`{"v":2,` + login + `}`, events.ErrNewerVersion},
		"newer version of an unknown type":    {`{"v":2,"type":"waved"}`, events.ErrNewerVersion},
		"newer version, field of other type":  {`{"v":2,"status":{"text":"lunch"},` + login + `}`, events.ErrNewerVersion},
		"newer version, number of other type": {`{"v":2,"by_nth":"first",` + login + `}`, events.ErrNewerVersion},
		"newer version, time of other form":   {`{"v":2,"type":"login","user":"alice","at":1795420800123}`, events.ErrNewerVersion},
		"no version":                          {`{` + login + `}`, events.ErrMalformed},
		"no version, field of other type":     {`{"device":7,` + login + `}`, events.ErrMalformed},
		"negative version":                    {`{"v":-1,` + login + `}`, events.ErrMalformed},
		"version of other type":               {`{"v":"2",` + login + `}`, events.ErrMalformed},
		"random bytes":                        {"\x8f\x03\xfe rollcall \x00", events.ErrMalformed},
		"nothing":                             {"", events.ErrMalformed},
		"null":                                {"null", events.ErrMalformed},
		"a list":                              {"[]", events.ErrMalformed},
		"cut short":                           {`{"v":1,` + login, events.ErrMalformed},
		"newer version, cut short":            {`{"v":2,` + login, events.ErrMalformed},
		"two events":                          {`{"v":1,` + login + `}{"v":1,` + login + `}`, events.ErrMalformed},
		"time that is none":                   {`{"v":1,"type":"login","user":"alice","at":"yesterday"}`, events.ErrMalformed},
		"time as a number":                    {`{"v":1,"type":"login","user":"alice","at":1795420800123}`, events.ErrMalformed},
		"31 February":                         {`{"v":1,"type":"login","user":"alice","at":"2026-02-31T08:00:00Z"}`, events.ErrMalformed},
		"time after the year 9999":            {`{"v":1,"type":"login","user":"alice","at":"9999-12-31T23:59:59-00:01"}`, events.ErrMalformed},
		"field of other type":                 {`{"v":1,"device":7,` + login + `}`, events.ErrMalformed},
		"every beyond 16 bits":                {`{"v":1,"every":65536,` + login + `}`, events.ErrMalformed},
		"nth beyond 32 bits":                  {`{"v":1,"by_nth":4294967296,` + login + `}`, events.ErrMalformed},
		"negative sequence":                   {`{"v":1,"judged":-1,` + login + `}`, events.ErrMalformed},
		"no time":                             {`{"v":1,"type":"login","user":"alice","actor":"alice"}`, events.ErrMalformed},
		"time null":                           {`{"v":1,"type":"login","user":"alice","at":null}`, events.ErrMalformed},
		"erased without a time":               {`{"v":1,"type":"erased","hash":"` + hash + `","salt":"00"}`, events.ErrMalformed},
		"no user":                             {`{"v":1,"type":"login",` + at, events.ErrMalformed},
		"user with a newline":                 {`{"v":1,"type":"login","user":"a\nb",` + at, events.ErrMalformed},
		"session too long":                    {`{"v":1,"session":"` + strings.Repeat("s", 129) + `",` + login + `}`, events.ErrMalformed},
		"override that clears":                {`{"v":1,"type":"override","user":"alice","change":"cleared",` + at, nil},
		"override that changes nothing":       {`{"v":1,"type":"override","user":"alice",` + at, events.ErrMalformed},
		"override to an unknown status":       {`{"v":1,"type":"override","user":"alice","change":"set","status":"asleep",` + at, events.ErrMalformed},
		"expired override without judged":     {`{"v":1,"type":"override","user":"alice","change":"expired",` + at, events.ErrMalformed},
		"offline":                             {`{"v":1,"type":"offline","user":"alice","judged":3,"cause":"left",` + at, nil},
		"offline without a cause":             {`{"v":1,"type":"offline","user":"alice","judged":3,` + at, events.ErrMalformed},
		"offline because of a login":          {`{"v":1,"type":"offline","user":"alice","judged":3,"cause":"login",` + at, events.ErrMalformed},
		"online":                              {`{"v":1,"type":"online","user":"alice","session":"s","by":3,` + at, nil},
		"online without its beat":             {`{"v":1,"type":"online","user":"alice","session":"s",` + at, events.ErrMalformed},
		"online without a session":            {`{"v":1,"type":"online","user":"alice","by":3,` + at, events.ErrMalformed},
		"erased":                              {`{"v":1,"type":"erased","hash":"` + hash + `","salt":"00",` + at, nil},
		"erased without salt":                 {`{"v":1,"type":"erased","hash":"` + hash + `",` + at, events.ErrMalformed},
		"erased without hash":                 {`{"v":1,"type":"erased","salt":"00",` + at, events.ErrMalformed},
		"erased with half a hash":             {`{"v":1,"type":"erased","hash":"` + hash[:32] + `","salt":"00",` + at, events.ErrMalformed},
		"erased with a digit too many":        {`{"v":1,"type":"erased","hash":"` + hash + `0","salt":"00",` + at, events.ErrMalformed},
		"erased with a hash in capitals":      {`{"v":1,"type":"erased","hash":"` + strings.ToUpper(hash) + `","salt":"00",` + at, events.ErrMalformed},
		"erased with a hash beyond f":         {`{"v":1,"type":"erased","hash":"` + hash[:63] + `g","salt":"00",` + at, events.ErrMalformed},
		"erased with a hash that is no hex":   {`{"v":1,"type":"erased","hash":"` + strings.Repeat(".>", 32) + `","salt":"00",` + at, events.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := events.Decode([]byte(test.data))
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestDecodeNamesAWrongID(t *testing.T) {
	_, err := events.Decode([]byte(`{"v":1,"type":"login","at":"2026-11-23T08:00:00Z"}`))
	if !errors.Is(err, events.ErrInvalidID) {
		t.Errorf("got %v, want %v", err, events.ErrInvalidID)
	}
}

func TestDecodeShowsWhatItUnderstandsOfAnEventBeyondIt(t *testing.T) {
	for _, data := range []string{
		`{"v":2,` + login + `}`,
		`{"v":1,"type":"waved","user":"alice","at":"2026-11-23T08:00:00.123Z","actor":"alice"}`,
	} {
		e, err := events.Decode([]byte(data))
		if err == nil || errors.Is(err, events.ErrMalformed) {
			t.Errorf("%s: got %v", data, err)
		}
		if e.User != "alice" || e.At != morning || e.Actor != "alice" {
			t.Errorf("%s: read as %+v", data, e)
		}
	}
}

func TestDecodeNamesAnEventOfANewerVersionWhateverItsFieldsAre(t *testing.T) {
	for _, data := range []string{
		`{"v":2,"status":{"text":"lunch"},` + login + `}`,
		`{"v":2,"type":"login","user":"alice","at":1795420800123}`,
	} {
		e, err := events.Decode([]byte(data))
		if !errors.Is(err, events.ErrNewerVersion) {
			t.Errorf("%s: got %v", data, err)
		}
		if e.Type != events.Login || e.V != 2 || e.User != "alice" {
			t.Errorf("%s: read as %+v", data, e)
		}
	}
}
