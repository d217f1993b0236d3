//! Days as tasks and options have them.

/// The day of "2024-08-01", or of a moment of it: "2024-08-01T14:30:00Z", "2024-08-01 14:30". `None` for what is no day of
/// the calendar. Days compare as their text does.
pub fn of(date: &str) -> Option<&str> {
    let (day, rest) = date.split_at_checked(10)?;
    let is_moment = || rest.strip_prefix(['T', ' ']).is_some_and(is_time);
    (is_day(day) && (rest.is_empty() || is_moment())).then_some(day)
}

/// Whether it is "YYYY-MM-DD", a day of the calendar, from year 1 on.
pub fn is_day(text: &str) -> bool {
    let [y @ .., b'-', m1, m2, b'-', d1, d2] = text.as_bytes() else { return false };
    let number = |digits: &[u8]| {
        let all_digits = digits.iter().all(u8::is_ascii_digit);
        all_digits.then(|| digits.iter().fold(0, |n, digit| n * 10 + u32::from(digit - b'0')))
    };
    let (Some(year), Some(month), Some(day)) =
        (number(y).filter(|_| y.len() == 4), number(&[*m1, *m2]), number(&[*d1, *d2]))
    else {
        return false;
    };
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 => 28 + u32::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    year > 0 && (1..=days).contains(&day)
}

/// Hours and minutes, and perhaps more of a moment; what follows the day is not read.
fn is_time(text: &str) -> bool {
    let [h1, h2, b':', m1, m2, rest @ ..] = text.as_bytes() else { return false };
    [h1, h2, m1, m2].iter().all(|byte| byte.is_ascii_digit())
        && rest.iter().all(|byte| byte.is_ascii_digit() || b":.+-Z".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_the_calendar_are_told_from_other_texts() {
        for date in [
            "2024-02-29",
            "2000-02-29",
            "2024-11-01T00:00:00",
            "2024-11-01T00:00:00Z",
            "2024-11-01 14:30",
            "2024-11-01T14:30:00.25+01:00",
        ] {
            assert_eq!(of(date), Some(&date[..10]), "{date}");
        }
        for date in [
            "",
            "2024",
            "2024-11",
            "20241101",
            "11/01/2024",
            "01.11.2024",
            " 2024-11-01",
            "2024-11-01 ",
            "2024-13-01",
            "2024-00-01",
            "2024-02-30",
            "2023-02-29",
            "1900-02-29",
            "2024-04-31",
            "2024-01-00",
            "0000-01-01",
            "12025-01-01",
            "２０２４-１１-01",
            "2024-1-011",
            "2024-11-01x",
            "2024-11-01T",
            "2024-11-01T1:30",
            "+024-11-01",
            "November 1, 2024",
            "äää-ää-äää",
        ] {
            assert_eq!(of(date), None, "{date}");
        }
    }
}
