package events_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/events"
)

const login = `"type":"login","user":"alice","at":"2026-11-23T08:00:00.123Z","actor":"alice"`

func TestDecodeSaysWhatIsWrongWithAnEvent(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	for name, test := range map[string]struct {
		data string
		want error
	}{
		"sound":                              {`{"v":1,` + login + `}`, nil},
		"fields nobody knows":                {`{"v":1,"mood":"fine",` + login + `}`, nil},
		"another offset":                     {`{"v":1,"type":"login","user":"alice","at":"2026-11-23T10:00:00.123+02:00","actor":"alice"}`, nil},
		"unknown type":                       {`{"v":1,"type":"waved","user":"alice","at":"2026-11-23T08:00:00Z"}`, events.ErrUnknownType},
		"no type":                            {`{"v":1,"user":"alice","at":"2026-11-23T08:00:00Z"}`, events.ErrUnknownType},
		"newer version":                      {`{"v":2,` + login + `}`, events.ErrNewerVersion},
		"newer version of an unknown type":   {`{"v":2,"type":"waved"}`, events.ErrNewerVersion},
		"newer version, field of other type": {`{"v":2,"status":{"text":"lunch"},` + login + `}`, events.ErrNewerVersion},
		"newer version, time of other form":  {`{"v":2,"type":"login","user":"alice","at":1795420800123}`, events.ErrNewerVersion},
		"no version":                         {`{` + login + `}`, events.ErrMalformed},
		"negative version":                   {`{"v":-1,` + login + `}`, events.ErrMalformed},
		"random bytes":                       {"\x8f\x03\xfe rollcall \x00", events.ErrMalformed},
		"nothing":                            {"", events.ErrMalformed},
		"null":                               {"null", events.ErrMalformed},
		"a list":                             {"[]", events.ErrMalformed},
		"cut short":                          {`{"v":1,` + login, events.ErrMalformed},
		"two events":                         {`{"v":1,` + login + `}{"v":1,` + login + `}`, events.ErrMalformed},
		"time that is none":                  {`{"v":1,"type":"login","user":"alice","at":"yesterday"}`, events.ErrMalformed},
		"time as a number":                   {`{"v":1,"type":"login","user":"alice","at":1795420800123}`, events.ErrMalformed},
		"31 February":                        {`{"v":1,"type":"login","user":"alice","at":"2026-02-31T08:00:00Z"}`, events.ErrMalformed},
		"field of other type":                {`{"v":1,"device":7,` + login + `}`, events.ErrMalformed},
		"every beyond 16 bits":               {`{"v":1,"every":65536,` + login + `}`, events.ErrMalformed},
		"negative sequence":                  {`{"v":1,"judged":-1,` + login + `}`, events.ErrMalformed},
		"no time":                            {`{"v":1,"type":"login","user":"alice","actor":"alice"}`, events.ErrMalformed},
		"no user":                            {`{"v":1,"type":"login","at":"2026-11-23T08:00:00Z"}`, events.ErrMalformed},
		"user with a newline":                {`{"v":1,"type":"login","user":"a\nb","at":"2026-11-23T08:00:00Z"}`, events.ErrMalformed},
		"session too long":                   {`{"v":1,"session":"` + strings.Repeat("s", 129) + `",` + login + `}`, events.ErrMalformed},
		"override that changes nothing":      {`{"v":1,"type":"override","user":"alice"}`, events.ErrMalformed},
		"override to an unknown status":      {`{"v":1,"type":"override","user":"alice","change":"set","status":"asleep"}`, events.ErrMalformed},
		"expired override without judged":    {`{"v":1,"type":"override","user":"alice","change":"expired"}`, events.ErrMalformed},
		"offline without a cause":            {`{"v":1,"type":"offline","user":"alice","judged":3}`, events.ErrMalformed},
		"offline because of a login":         {`{"v":1,"type":"offline","user":"alice","judged":3,"cause":"login"}`, events.ErrMalformed},
		"online without its beat":            {`{"v":1,"type":"online","user":"alice","session":"s"}`, events.ErrMalformed},
		"online without a session":           {`{"v":1,"type":"online","user":"alice","by":3}`, events.ErrMalformed},
		"erased":                             {`{"v":1,"type":"erased","hash":"` + hash + `","salt":"00","at":"2026-11-23T08:00:00Z"}`, nil},
		"erased without salt":                {`{"v":1,"type":"erased","hash":"` + hash + `"}`, events.ErrMalformed},
		"erased with half a hash":            {`{"v":1,"type":"erased","hash":"abab","salt":"00"}`, events.ErrMalformed},
		"erased with a hash that is no hex":  {`{"v":1,"type":"erased","hash":"` + strings.Repeat(".>", 32) + `","salt":"00"}`, events.ErrMalformed},
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

func TestTheEmptyBatchIsNoMessage(t *testing.T) {
	if got := events.AppendBatch(nil, nil); got != nil {
		t.Errorf("got %x", got)
	}
	var batch events.Batch
	if err := batch.Decode(nil); err != nil || len(batch.Beats) != 0 {
		t.Errorf("got %v, %v", batch, err)
	}
}

func TestABatchCountsWholeOrNotAtAll(t *testing.T) {
	sound := events.AppendBatch(nil, goldenBeats)
	long := strings.Repeat("u", events.MaxIDBytes+1)
	for name, data := range map[string][]byte{
		"cut short":               sound[:len(sound)-1],
		"no user":                 events.AppendBatch(nil, []events.Beat{goldenBeats[0], {At: morning}}),
		"user too long":           events.AppendBatch(nil, []events.Beat{goldenBeats[0], {User: long}}),
		"session too long":        events.AppendBatch(nil, []events.Beat{goldenBeats[0], {User: "u", Session: long}}),
		"user that is no text":    events.AppendBatch(nil, []events.Beat{goldenBeats[0], {User: "\xff"}}),
		"session that is no text": events.AppendBatch(nil, []events.Beat{goldenBeats[0], {User: "u", Session: "\xff"}}),
		"actor that is no text":   events.AppendBatch(nil, []events.Beat{goldenBeats[0], {User: "u", Actor: "\xff"}}),
	} {
		t.Run(name, func(t *testing.T) {
			var batch events.Batch
			if err := batch.Decode(sound); err != nil {
				t.Fatal(err)
			}
			if err := batch.Decode(data); !errors.Is(err, events.ErrMalformed) {
				t.Errorf("got %v, want %v", err, events.ErrMalformed)
			}
			if len(batch.Beats) != 0 || batch.At != 0 {
				t.Errorf("left %d beats, at %v", len(batch.Beats), batch.At)
			}
		})
	}
}
