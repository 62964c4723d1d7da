package script

import "math"

// Powers, exponentials and logarithms of package math are off by some units in the last
// place, which the text of a number may show: math.Log10(1000) is less than 3. Those of the
// C library nearly always are the nearest number. So these calculate with two numbers each,
// which have about 100 bits together.

// double2 is the sum of two numbers, of which the second one is less than half a unit in the
// last place of the first.
type double2 struct{ hi, lo float64 }

var ln2 = double2{math.Ln2, 2.3190468138462996e-17}

// sum2 returns the exact sum of two numbers.
func sum2(a, b float64) double2 {
	s := a + b
	part := s - a
	return double2{s, (a - (s - part)) + (b - part)}
}

func (a double2) plus(b double2) double2 {
	s := sum2(a.hi, b.hi)
	return sum2(s.hi, s.lo+a.lo+b.lo)
}

func (a double2) times(b double2) double2 {
	p := a.hi * b.hi
	return sum2(p, math.FMA(a.hi, b.hi, -p)+(a.hi*b.lo+a.lo*b.hi))
}

func (a double2) scaled(f float64) double2 { return double2{a.hi * f, a.lo * f} } // f is a power of 2

// expMinus1 returns e^r-1 for small r, by the power series of a fraction of it.
func expMinus1(r double2) double2 {
	const halvings, terms = 8, 10
	r = r.scaled(1.0 / (1 << halvings))
	sum := double2{1, 0}
	for n := terms; n > 1; n-- { // sum = 1 + r/n*sum
		quotient := double2{r.hi / float64(n), 0}
		quotient.lo = (math.FMA(-quotient.hi, float64(n), r.hi) + r.lo) / float64(n)
		sum = double2{1, 0}.plus(quotient.times(sum))
	}
	sum = sum.times(r)
	for range halvings {
		sum = sum.scaled(2).plus(sum.times(sum))
	}
	return sum
}

// expOf returns e^x for a result that is neither too large nor too small for a number with
// all its digits.
func expOf(x double2) float64 {
	k := math.RoundToEven(x.hi / math.Ln2)
	product := double2{k, 0}.times(ln2)
	r := x.plus(double2{-product.hi, -product.lo})
	result := double2{1, 0}.plus(expMinus1(r))
	return math.Ldexp(result.hi, int(k)) // hi is the sum, rounded
}

// logOf returns the logarithm of a positive, finite number.
func logOf(x float64) double2 {
	m, k := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, k = 2*m, k-1
	}
	near := math.Log(m)
	// log(m) = near + log(m*e^-near), where the last factor is nearly 1.
	e := expMinus1(double2{-near, 0})
	t := sum2(m-1, 0).plus(double2{m, 0}.times(e))
	result := sum2(near, 0).plus(t).plus(double2{-t.hi * t.hi / 2, 0})
	return double2{float64(k), 0}.times(ln2).plus(result)
}

// isPlain reports whether a number is positive and finite.
func isPlain(x float64) bool { return 0 < x && x <= math.MaxFloat64 }

func exactExp(x float64) float64 {
	if !(math.Abs(x) < 700) {
		return math.Exp(x)
	}
	return expOf(double2{x, 0})
}

func exactLog(x float64) float64 {
	if !isPlain(x) {
		return math.Log(x)
	}
	return logOf(x).hi
}

// exactLog10 splits off the power of 2, as the C library does, so that the logarithms of
// powers of 10 are integers.
func exactLog10(x float64) float64 {
	const log2High, log2Low = 3.01029995663611771306e-01, 3.69423907715893078616e-13 // of log10(2)
	if !isPlain(x) {
		return math.Log10(x)
	}
	m, k := math.Frexp(x) // m is at least 1/2
	if k > 0 {
		m, k = 2*m, k-1
	}
	low := float64(k)*log2Low + math.Log10E*exactLog(m)
	return low + float64(k)*log2High
}

func exactPow(x, y float64) float64 {
	near := math.Pow(x, y)
	result := math.Abs(near)
	if !isPlain(math.Abs(x)) || !(result >= 0x1p-1020 && result <= 0x1p1020) || result == 1 || y == 2 {
		return near
	}
	return math.Copysign(expOf(logOf(math.Abs(x)).times(double2{y, 0})), near)
}
