//! Complex floats with an estimate of their error.

use num_complex::Complex64;

use super::tree::Function;

/// A value and how far from it the true one may be. The bound on functions is an estimate: how far the function moves
/// when its argument moves by its own error.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ball {
    pub(super) value: Complex64,
    pub(super) error: f64,
}

const ROUNDING: f64 = 4.0 * f64::EPSILON;

impl Ball {
    /// A float that is off by its last bit.
    pub(super) fn rounded(value: Complex64) -> Self {
        Self { value, error: ROUNDING * value.norm() }
    }

    pub(super) fn real(value: f64) -> Self {
        Self::rounded(Complex64::new(value, 0.0))
    }

    /// Whether its error is small beside it, or beside 1.
    pub(super) fn is_sharp(&self) -> bool {
        self.value.is_finite() && self.error < 1e-5 * (1.0 + self.value.norm())
    }

    /// Whether the sign of its real part is beyond doubt, and it has no imaginary part.
    pub(super) fn certain_sign(&self) -> bool {
        self.value.is_finite()
            && self.value.im.abs() <= 8.0 * self.error
            && self.value.re.abs() > 8.0 * self.error
    }

    /// Whether the two may be the same number.
    pub(super) fn meets(&self, other: &Self) -> bool {
        (self.value - other.value).norm() <= 8.0 * (self.error + other.error) + f64::MIN_POSITIVE
    }

    pub(super) fn plus(self, other: Self) -> Self {
        let value = self.value + other.value;
        Self { value, error: self.error + other.error + ROUNDING * value.norm() }
    }

    pub(super) fn times(self, other: Self) -> Self {
        let value = self.value * other.value;
        let error = self.error * other.value.norm()
            + other.error * self.value.norm()
            + self.error * other.error;
        Self { value, error: error + ROUNDING * value.norm() }
    }

    pub(super) fn divided(self, other: Self) -> Self {
        let size = other.value.norm();
        let value = self.value / other.value;
        let error =
            (self.error + value.norm() * other.error) / (size - other.error).max(f64::MIN_POSITIVE);
        Self { value, error: error + ROUNDING * value.norm() }
    }

    /// A function of it.
    pub(super) fn map(self, f: impl Fn(Complex64) -> Complex64) -> Self {
        let value = f(self.value);
        let step = self.error.max(f64::EPSILON * self.value.norm());
        let (ahead, aside) =
            (f(self.value + step), f(self.value - Complex64::new(step * 0.6, step * 0.8)));
        let moved = (ahead - value).norm().max((aside - value).norm());
        let moved = if moved.is_nan() { f64::INFINITY } else { moved };
        Self { value, error: moved + 2.0 * ROUNDING * value.norm() }
    }

    pub(super) fn whole_power(self, exponent: i32) -> Self {
        if exponent == 1 {
            return self;
        }
        let value = self.value.powi(exponent);
        let relative = self.error / self.value.norm().max(f64::MIN_POSITIVE) + ROUNDING;
        Self { value, error: value.norm() * relative * f64::from(exponent).abs() }
    }

    pub(super) fn power(self, exponent: Self) -> Self {
        if exponent.value.im == 0.0
            && exponent.value.re.fract() == 0.0
            && exponent.value.re.abs() < 1e6
        {
            return self.whole_power(exponent.value.re as i32);
        }
        self.map(Complex64::ln).times(exponent).map(Complex64::exp)
    }

    /// The principal root; of a negative real number and an odd index, the real one.
    pub(super) fn root(self, index: u32) -> Self {
        let negative = self.value.im.abs() <= self.error && self.value.re < 0.0;
        if negative && index % 2 == 1 {
            let turned = Self { value: -self.value, error: self.error }.root(index);
            return Self { value: -turned.value, error: turned.error };
        }
        if self.value.norm() == 0.0 {
            return self;
        }
        let inverse = 1.0 / f64::from(index);
        self.map(move |z| if index == 2 { z.sqrt() } else { z.powf(inverse) })
    }
}

/// The value of a function of one argument; `None` where floats do not tell.
pub(super) fn call(function: Function, x: Ball) -> Option<Ball> {
    Some(match function {
        Function::Sin => x.map(Complex64::sin),
        Function::Cos => x.map(Complex64::cos),
        Function::Tan => x.map(Complex64::tan),
        Function::Arcsin => x.map(|z| real_in(z, -1.0, 1.0, f64::asin).unwrap_or_else(|| z.asin())),
        Function::Arccos => x.map(|z| real_in(z, -1.0, 1.0, f64::acos).unwrap_or_else(|| z.acos())),
        Function::Arctan => {
            x.map(|z| real_in(z, f64::MIN, f64::MAX, f64::atan).unwrap_or_else(|| z.atan()))
        }
        Function::Sinh => x.map(Complex64::sinh),
        Function::Cosh => x.map(Complex64::cosh),
        Function::Tanh => x.map(Complex64::tanh),
        Function::Arcsinh => {
            x.map(|z| real_in(z, f64::MIN, f64::MAX, f64::asinh).unwrap_or_else(|| z.asinh()))
        }
        Function::Arccosh => {
            x.map(|z| real_in(z, 1.0, f64::MAX, f64::acosh).unwrap_or_else(|| z.acosh()))
        }
        Function::Arctanh => {
            x.map(|z| real_in(z, -1.0, 1.0, f64::atanh).unwrap_or_else(|| z.atanh()))
        }
        Function::Exp => x.map(Complex64::exp),
        Function::Ln => x.map(Complex64::ln),
        Function::Abs => x.map(|z| Complex64::new(z.norm(), 0.0)),
        Function::Re => x.map(|z| Complex64::new(z.re, 0.0)),
        Function::Im => x.map(|z| Complex64::new(z.im, 0.0)),
        Function::Conjugate => x.map(|z| z.conj()),
        Function::Factorial => gamma(x),
        Function::Floor | Function::Ceil if x.value.im == 0.0 => {
            let round = if function == Function::Floor { f64::floor } else { f64::ceil };
            let (low, high) = (round(x.value.re - x.error), round(x.value.re + x.error));
            if low.total_cmp(&high).is_ne() {
                return None;
            }
            Ball::real(low)
        }
        Function::Sign if x.certain_sign() => Ball::real(x.value.re.signum()),
        _ => return None,
    })
}

/// The real function where the argument is real and within its range: more exact there than the complex one.
fn real_in(z: Complex64, low: f64, high: f64, f: fn(f64) -> f64) -> Option<Complex64> {
    (z.im == 0.0 && (low..=high).contains(&z.re)).then(|| Complex64::new(f(z.re), 0.0))
}

/// The gamma function at x + 1, by Lanczos's series (g = 7, nine terms), good to some 13 digits.
fn gamma(x: Ball) -> Ball {
    let mut ball = x.map(|z| factorial(z, 0));
    ball.error += 1e-12 * ball.value.norm();
    ball
}

fn factorial(z: Complex64, depth: u8) -> Complex64 {
    const SERIES: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if z.re < -0.5 && depth == 0 {
        let pi = Complex64::new(std::f64::consts::PI, 0.0);
        return -(pi * z) / ((pi * z).sin() * factorial(-z, 1)) * -1.0;
    }
    let sum = SERIES[1..]
        .iter()
        .enumerate()
        .fold(Complex64::new(SERIES[0], 0.0), |sum, (i, c)| sum + *c / (z + (i as f64 + 1.0)));
    let t = z + 7.5;
    (t.ln() * (z + 0.5) - t).exp() * sum * (2.0 * std::f64::consts::PI).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factorials_follow_the_gamma_function() {
        // Python: math.factorial(5), math.gamma(1.5), math.gamma(0.25).
        for (x, expected) in
            [(5.0, 120.0), (0.5, 0.886_226_925_452_758), (-0.75, 3.625_609_908_221_908)]
        {
            let got = call(Function::Factorial, Ball::real(x)).expect("a value");
            assert!((got.value.re - expected).abs() < 1e-10 * expected, "{x}: {got:?}");
        }
    }

    #[test]
    fn errors_grow_with_what_is_lost() {
        let big = Ball::real(1e16).plus(Ball::real(1.0)).plus(Ball::real(-1e16));
        assert!(big.error >= 1.0, "{big:?}");
        assert!(!Ball::real(1.0).meets(&Ball::real(1.000_000_000_1)));
        assert!(Ball::real(2.0).root(2).times(Ball::real(2.0).root(2)).meets(&Ball::real(2.0)));
    }
}
