package api

import (
	"mime"
	"strconv"
	"strings"
)

// accepts says whether the values of the header Accept take one of offers. No header, or no offer, takes anything.
func accepts(header, offers []string) bool {
	if len(header) == 0 || len(offers) == 0 || len(header) == 1 && (header[0] == "*/*" || header[0] == "") {
		return true
	}
	for _, offer := range offers {
		if quality(header, offer) > 0 {
			return true
		}
	}
	return false
}

// quality returns the weight that the most specific range for offer has, 0 where none fits.
func quality(header []string, offer string) float64 {
	major, _, _ := strings.Cut(offer, "/")
	best, weight := 0, 0.0
	for _, value := range header {
		for part := range strings.SplitSeq(value, ",") {
			media, params, err := mime.ParseMediaType(part)
			if err != nil {
				continue
			}
			fit := 0
			switch media {
			case offer:
				fit = 3
			case major + "/*":
				fit = 2
			case "*/*":
				fit = 1
			}
			if fit > best {
				best, weight = fit, weightOf(params)
			}
		}
	}
	return weight
}

// preferred returns the one of offers that the header Accept likes best, the first where it does not care.
func preferred(header, offers []string) string {
	best, weight := offers[0], quality(header, offers[0])
	for _, offer := range offers[1:] {
		if w := quality(header, offer); w > weight {
			best, weight = offer, w
		}
	}
	return best
}

func weightOf(params map[string]string) float64 {
	q, ok := params["q"]
	if !ok {
		return 1
	}
	n, err := strconv.ParseFloat(q, 64)
	if err != nil {
		return 1
	}
	return n
}
