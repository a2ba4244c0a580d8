package loadgen

import "testing"

func TestTheMedianIsTheMiddleOne(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0}, {[]float64{0.5}, 0.5}, {[]float64{0.9, 0.1, 0.5}, 0.5}, {[]float64{0.25, 1, 0.75, 0.5}, 0.625},
	} {
		if got := median(c.values); got != c.want {
			t.Errorf("median of %v is %v, want %v", c.values, got, c.want)
		}
	}
}

func TestAPercentileIsAValueByNearestRank(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[99-i] = float64(i + 1)
	}
	for _, c := range []struct {
		values        []float64
		percent, want float64
	}{
		{nil, 50, 0}, {[]float64{7}, 0.1, 7}, {[]float64{7}, 100, 7}, {hundred, 50, 50}, {hundred, 99, 99}, {hundred, 99.5, 100}, {hundred, 100, 100},
		{[]float64{3, 1, 2}, 50, 2}, {[]float64{4, 3, 1, 2}, 50, 2},
	} {
		if got := percentile(c.values, c.percent); got != c.want {
			t.Errorf("%v %% of %v is %v, want %v", c.percent, c.values, got, c.want)
		}
	}
}
