package crowd

import (
	"math/rand/v2"
	"strconv"
)

var given = []string{
	"ada", "aisha", "akira", "amara", "anton", "bea", "bruno", "carla", "chidi", "clara", "dario", "diego", "elif", "emil", "esther", "fatima",
	"felix", "freya", "giulia", "hana", "hugo", "ines", "ivan", "jamal", "jonas", "kaito", "kofi", "lena", "leo", "lucia", "mads", "malik",
	"maria", "mei", "mira", "nadia", "nils", "noor", "olga", "omar", "paula", "priya", "quentin", "rafael", "rosa", "ruben", "sana", "sofia",
	"tariq", "tessa", "theo", "uma", "viktor", "wanda", "xenia", "yara", "yusuf", "zoe",
}

var family = []string{
	"abara", "ahmed", "bauer", "berg", "castro", "chen", "costa", "dahl", "diaz", "eriksen", "fischer", "garcia", "haddad", "hansen", "ito",
	"jansen", "kaya", "keller", "khan", "kim", "kovac", "lopez", "martin", "mbeki", "moreau", "nakamura", "novak", "okafor", "olsen", "patel",
	"pereira", "popov", "ricci", "rossi", "santos", "sato", "silva", "singh", "tanaka", "vargas", "weber", "wang", "yilmaz", "zhou",
}

// Names returns n different user ids such as mei.okafor.
func Names(r *rand.Rand, n int) []string {
	names := make([]string, 0, n)
	for round := 1; ; round++ {
		for _, i := range r.Perm(len(given) * len(family)) {
			if len(names) == n {
				return names
			}
			name := given[i%len(given)] + "." + family[i/len(given)]
			if round > 1 {
				name += strconv.Itoa(round) // more users than names
			}
			names = append(names, name)
		}
	}
}

var devices = []string{"Firefox on Linux", "Chrome on Windows", "Safari on macOS", "Edge on Windows", "Chrome on Android", "Safari on iPhone"}

var reasons = []string{"in a meeting", "on call", "focus time", "presenting", "with a customer", "lunch"}
