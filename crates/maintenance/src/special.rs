//! Probabilities that the rules need.

/// The logarithm of the gamma function for positive arguments (Lanczos 1964, the coefficients of Numerical Recipes, 6.1; relative
/// error below 2e-10).
pub(crate) fn ln_gamma(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 6] = [
        76.180_091_729_471_46,
        -86.505_320_329_416_77,
        24.014_098_240_830_91,
        -1.231_739_572_450_155,
        0.120_865_097_386_617_9e-2,
        -0.539_523_938_495_3e-5,
    ];
    let base = x + 5.5;
    let series: f64 =
        COEFFICIENTS.iter().enumerate().fold(1.000_000_000_190_015, |sum, (k, c)| sum + c / (x + 1.0 + k as f64));
    (x + 0.5) * base.ln() - base + (2.506_628_274_631_000_5 * series / x).ln()
}

/// Terms of a series or a continued fraction, at most.
const TERMS: usize = 10_000;
const EXACT: f64 = 1e-12;

/// The distribution function of a Gamma law of shape `a` and rate 1 at `x`: the regularised lower incomplete gamma function
/// (Abramowitz and Stegun 1964, 6.5.29 by its series and 6.5.31 by its continued fraction).
pub(crate) fn gamma_cdf(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let front = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for k in 1..TERMS {
            term *= x / (a + k as f64);
            sum += term;
            if term < sum * EXACT {
                break;
            }
        }
        return (front * sum).min(1.0);
    }
    // Lentz's method.
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (1.0 / f64::MIN_POSITIVE, 1.0 / b);
    let mut fraction = d;
    for k in 1..TERMS {
        let k = k as f64;
        let step = -k * (k - a);
        b += 2.0;
        d = 1.0 / not_zero(step * d + b);
        c = not_zero(b + step / c);
        fraction *= d * c;
        if (d * c - 1.0).abs() < EXACT {
            break;
        }
    }
    (1.0 - front * fraction).clamp(0.0, 1.0)
}

/// The distribution function of a Beta law at `x` (Abramowitz and Stegun 1964, 26.5.8).
pub(crate) fn beta_cdf(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return f64::from(u8::from(x >= 1.0));
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln()).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        front * fraction(a, b, x) / a
    } else {
        1.0 - front * fraction(b, a, 1.0 - x) / b
    }
}

fn fraction(a: f64, b: f64, x: f64) -> f64 {
    let (mut c, mut d) = (1.0, 1.0 / not_zero(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    for m in 1..TERMS {
        let m = m as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        for step in [even, odd] {
            d = 1.0 / not_zero(1.0 + step * d);
            c = not_zero(1.0 + step / c);
            fraction *= d * c;
        }
        if (d * c - 1.0).abs() < EXACT {
            break;
        }
    }
    fraction
}

fn not_zero(value: f64) -> f64 {
    if value.abs() < f64::MIN_POSITIVE { f64::MIN_POSITIVE } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        assert!((ln_gamma(5.0) - 24_f64.ln()).abs() < 1e-8);
        // Shape 1 is the exponential law; shape 3 at 2 and at 10 by the Poisson sums.
        assert!((gamma_cdf(1.0, 2.0) - (1.0 - (-2_f64).exp())).abs() < 1e-8);
        assert!((gamma_cdf(3.0, 2.0) - (1.0 - 5.0 * (-2_f64).exp())).abs() < 1e-8);
        assert!((gamma_cdf(3.0, 10.0) - (1.0 - 61.0 * (-10_f64).exp())).abs() < 1e-8);
        // Beta(2, 3) at 0.4: 1 - 0.6^4 - 4 * 0.4 * 0.6^3.
        assert!((beta_cdf(2.0, 3.0, 0.4) - 0.5248).abs() < 1e-8);
        assert!((beta_cdf(2.0, 3.0, 0.9) - 0.9963).abs() < 1e-8);
        assert_eq!((beta_cdf(2.0, 2.0, 0.0), beta_cdf(2.0, 2.0, 1.0)), (0.0, 1.0));
    }
}
