//! Sizes and rates for people.

/// `1536` as `1.5 KiB`.
pub(crate) fn human(octets: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if octets < 1024 {
        return format!("{octets} B");
    }
    let mut unit = 0;
    // Tenths, so that what is shown is what was rounded.
    let mut tenths = u128::from(octets) * 10 / 1024;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    if tenths < 100 {
        format!("{}.{} {name}", tenths / 10, tenths % 10)
    } else {
        format!("{} {name}", tenths / 10)
    }
}

/// `500k`, `1M`, `1.5MiB`, `2000` as octets: powers of 1024.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let wrong = || format!("a number of octets is expected, such as 500k or 1.5M, not {text:?}");
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.trim().to_ascii_lowercase();
    let unit = unit.strip_suffix("/s").unwrap_or(&unit);
    let unit = unit
        .strip_suffix("ib")
        .or(unit.strip_suffix('b'))
        .unwrap_or(unit);
    let shift = match unit {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return Err(wrong()),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || part.len() > 6 {
        return Err(wrong());
    }
    let scale = 10_u128.pow(u32::try_from(part.len()).unwrap_or_default());
    let digits: u128 = format!("{whole}{part}").parse().map_err(|_| wrong())?;
    let octets = digits.checked_shl(shift).ok_or_else(wrong)? / scale;
    u64::try_from(octets).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::{human, parse};

    #[test]
    fn sizes_are_short() {
        let shown = [
            0,
            1023,
            1024,
            1536,
            10 * 1024,
            1 << 20,
            (1 << 20) - 1,
            u64::MAX,
        ]
        .map(human);
        let expected = [
            "0 B", "1023 B", "1.0 KiB", "1.5 KiB", "10 KiB", "1.0 MiB", "1023 KiB", "15 EiB",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn rates_are_read() {
        assert_eq!(parse("1M"), Ok(1 << 20));
        assert_eq!(parse("1.5MiB/s"), Ok(3 << 19));
        assert_eq!(parse("500k"), Ok(512_000));
        assert_eq!(parse("17"), Ok(17));
        for wrong in ["", "k", "-1", "1x", "1.2.3", "99999999999999999999"] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
