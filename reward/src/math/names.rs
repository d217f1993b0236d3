//! Names: functions, commands without meaning, units.

use super::tree::Function;

/// The function of a name, with or without a backslash.
pub(super) fn function(name: &str) -> Option<Function> {
    Some(match name {
        "sin" => Function::Sin,
        "cos" => Function::Cos,
        "tan" | "tg" => Function::Tan,
        "cot" | "ctg" | "cotg" => Function::Cot,
        "sec" => Function::Sec,
        "csc" | "cosec" => Function::Csc,
        "arcsin" | "asin" => Function::Arcsin,
        "arccos" | "acos" => Function::Arccos,
        "arctan" | "atan" | "arctg" => Function::Arctan,
        "sinh" => Function::Sinh,
        "cosh" => Function::Cosh,
        "tanh" => Function::Tanh,
        "arcsinh" | "arsinh" | "asinh" => Function::Arcsinh,
        "arccosh" | "arcosh" | "acosh" => Function::Arccosh,
        "arctanh" | "artanh" | "atanh" => Function::Arctanh,
        "exp" => Function::Exp,
        "ln" => Function::Ln,
        "log" | "lg" => Function::Log,
        "abs" => Function::Abs,
        "floor" => Function::Floor,
        "ceil" | "ceiling" => Function::Ceil,
        "factorial" => Function::Factorial,
        "binomial" | "binom" => Function::Binomial,
        "gcd" => Function::Gcd,
        "lcm" => Function::Lcm,
        "max" => Function::Max,
        "min" => Function::Min,
        "mod" | "bmod" => Function::Mod,
        "sqrt" => Function::Sqrt,
        "Re" => Function::Re,
        "Im" => Function::Im,
        "conjugate" => Function::Conjugate,
        "det" => Function::Det,
        "sgn" | "sign" => Function::Sign,
        _ => return None,
    })
}

/// Commands that change how something looks; what follows them stays.
pub(super) fn is_decoration(command: &str) -> bool {
    matches!(
        command,
        "big"
            | "Big"
            | "bigg"
            | "Bigg"
            | "bigl"
            | "bigr"
            | "Bigl"
            | "Bigr"
            | "biggl"
            | "biggr"
            | "Biggl"
            | "Biggr"
            | "boxed"
            | "fbox"
            | "displaystyle"
            | "textstyle"
            | "limits"
            | "nolimits"
            | "variable"
            | "vec"
            | "overrightarrow"
            | "overline"
            | "bar"
            | "hat"
            | "underline"
            | "tilde"
            | "quad"
            | "qquad"
            | "hspace"
            | "phantom"
            | "hfill"
            | "thinspace"
            | "enspace"
            | "space"
            | "mathopen"
            | "mathclose"
            | "mathstrut"
            | "therefore"
            | "angle"
            | "triangle"
            | "bf"
            | "rm"
            | "it"
            | "large"
            | "Large"
            | "LARGE"
            | "huge"
            | "Huge"
            | "small"
            | "normalsize"
    )
}

/// Commands around letters of another face, where a single letter stays what it is.
pub(super) fn is_face(command: &str) -> bool {
    matches!(
        command,
        "mathrm"
            | "mathbf"
            | "mathit"
            | "mathbb"
            | "mathcal"
            | "mathsf"
            | "mathfrak"
            | "boldsymbol"
            | "bm"
            | "operatorname"
            | "textbf"
            | "textit"
            | "textrm"
            | "emph"
    )
}

/// Commands around words.
pub(super) fn is_words(command: &str) -> bool {
    matches!(command, "text" | "mbox" | "textnormal" | "hbox" | "textsc" | "texttt" | "mathop")
}

/// Whether a run of letters is words and units, and no product of variables.
pub(super) fn is_word(run: &str) -> bool {
    const SHORT: &[&str] = &[
        "cm", "mm", "km", "kg", "mg", "ml", "mL", "ft", "in", "oz", "lb", "lbs", "sq", "mi", "yd",
        "hr", "hrs", "min", "mins", "sec", "secs", "mph", "kmh", "kph", "day", "men", "man", "is",
        "the", "of", "for", "are", "and", "or", "to", "at", "so", "we", "if", "pm", "am", "Hz",
        "kHz", "MHz", "rad", "USD", "usd", "RS", "Rs", "yes", "no", "Yes", "No", "odd", "cup",
        "way", "egg", "pie", "per", "all", "one", "two", "six", "ten", "any", "but", "not", "has",
        "was", "can", "set", "tbsp", "tsp",
    ];
    let letters = run.chars().count();
    let capitals = run.chars().filter(|c| c.is_uppercase()).count();
    SHORT.contains(&run) || (letters >= 4 && capitals < letters)
}

/// Letters that are units by themselves: metres, grams, seconds, hours, litres, newtons, …
pub(crate) const UNIT_LETTERS: &str = "mgshlLNJWVAKCF";

/// Whether words before a number say another one: "negative 5", "half of 5".
pub(super) fn turns(words: &str) -> bool {
    const TURNING: [&str; 22] = [
        "negative", "minus", "not", "no", "half", "less", "more", "fewer", "greater", "than",
        "root", "square", "cube", "twice", "double", "log", "sqrt", "ln", "sin", "cos", "tan",
        "exp",
    ];
    has_word(words, &TURNING)
}

/// Whether words behind a number leave open which one is meant: "5 or any number", "5, maybe".
pub(super) fn hedges(words: &str) -> bool {
    const HEDGING: [&str; 8] =
        ["or", "either", "maybe", "perhaps", "possibly", "probably", "wrong", "incorrect"];
    has_word(words, &HEDGING)
}

fn has_word(words: &str, of: &[&str]) -> bool {
    words
        .split(|c: char| !c.is_alphabetic())
        .any(|word| of.iter().any(|other| word.eq_ignore_ascii_case(other)))
}

/// Letters of the Greek alphabet by command; the rest of the commands that are symbols of their own.
pub(super) fn greek(c: char) -> Option<&'static str> {
    const GREEK: &[(char, &str)] = &[
        ('α', "alpha"),
        ('β', "beta"),
        ('γ', "gamma"),
        ('δ', "delta"),
        ('ε', "epsilon"),
        ('θ', "theta"),
        ('λ', "lambda"),
        ('μ', "mu"),
        ('ρ', "rho"),
        ('σ', "sigma"),
        ('τ', "tau"),
        ('φ', "phi"),
        ('ϕ', "phi"),
        ('χ', "chi"),
        ('ψ', "psi"),
        ('ω', "omega"),
        ('Δ', "Delta"),
        ('Ω', "Omega"),
    ];
    GREEK.iter().find(|(letter, _)| *letter == c).map(|(_, name)| *name)
}
