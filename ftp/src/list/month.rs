//! Names of months, in the languages servers have been told to speak.

use std::borrow::Cow;

/// Names and abbreviations, lower case, without full stops. Where languages disagree the one listed first won:
/// `lis` and `lip` are Polish here, `srp` is Czech.
const NAMES: [&str; 12] = [
    "jan january januar janvier janv enero ene gennaio gen janeiro januari sty stycznia styczeń led leden \
     ledna янв январь января tammi tammikuu tammikuuta tam január ian ianuarie oca ocak sij siječanj січ \
     січня jän jänner sau jaan ιαν яну",
    "feb february februar février févr fév fevr fev febrero febbraio febb fevereiro februari lut lutego \
     luty úno únor února фев февр февраль февраля helmi helmikuu helmikuuta hel február febr februarie \
     şub şubat vel лют лютого veebr φεβ",
    "mar march märz mär maerz mrz mars marzo março maart mrt marts mart marca marzec bře březen března \
     мар март марта maalis maaliskuu maaliskuuta maa márc március martie ožu бер березня kov μαρ marec",
    "apr april avril avr abril abr aprile kwi kwietnia kwiecień dub duben dubna апр апрель апреля huhti \
     huhtikuu huhtikuuta huh ápr április aprilie nis nisan квіт кві квітня απρ apríl",
    "may mai mayo maggio mag maio mei maj maja kvě květen května май мая touko toukokuu toukokuuta tou \
     máj május svi mayıs трав тра травня geg μαϊ μάι",
    "jun june juni juin junio giugno giu junho cze czerwca czerwiec czer čen čvn červen června июн июнь \
     июня kesä kesäkuu kesäkuuta kes jún június iun iunie haz haziran черв чер червня birž juuni ιουν юни",
    "jul july juli juillet juil jui julio luglio lug julho lip lipca lipiec čvc čec červenec července июл \
     июль июля heinä heinäkuu heinäkuuta hei júl július iul iulie tem temmuz лип липня liep juuli ιουλ \
     юли",
    "aug august août aoû aout agosto ago augustus augusti sie sierpnia sierpień srp srpen srpna авг \
     август августа elo elokuu elokuuta augusztus ağu ağustos kol серп сер серпня rugp αυγ",
    "sep sept september septembre septiembre setiembre settembre set sett setembro wrz września wrzesień \
     zář září сен сент сентябрь сентября syys syyskuu syyskuuta syy szept szeptember septembrie eyl eylül \
     ruj вер вересня rugs σεπ",
    "oct october okt oktober octobre octubre ottobre ott outubro out paź października październik říj \
     říjen října окт октябрь октября loka lokakuu lokakuuta lok október octombrie eki ekim жов жовт \
     жовтня spal οκτ",
    "nov november novembre noviembre novembro lis listopada listopad ноя нояб ноябрь ноября marras \
     marraskuu marraskuuta noiembrie noi kas kasım стд лис лист листопада lapkr νοε",
    "dec december dez dezember décembre déc diciembre dic dicembre dezembro des desember gru grudnia \
     grudzień pro prosinec prosince дек декабрь декабря joulu joulukuu joulukuuta jou decembrie ara \
     aralık груд гру грудня gruod dets δεκ",
];

/// The letters of KOI8-R from 0xC0, which are not in the order of the alphabet.
const KOI8_R: &str = "юабцдефгхийклмнопярстужвьызшэщчъЮАБЦДЕФГХИЙКЛМНОПЯРСТУЖВЬЫЗШЭЩЧЪ";

/// Letters of ISO 8859-2 and windows-1250 that names of months have and Latin-1 has otherwise.
const LATIN_2: [(u8, char); 12] = [
    (0xBC, 'ź'),
    (0x9F, 'ź'),
    (0xF8, 'ř'),
    (0xEC, 'ě'),
    (0xE8, 'č'),
    (0xC8, 'Č'),
    (0xD8, 'Ř'),
    (0xF1, 'ń'),
    (0xB6, 'ś'),
    (0x9C, 'ś'),
    (0xBE, 'ž'),
    (0x9E, 'ž'),
];

/// The number of the month that `word` names, 1 to 12. A full stop or comma behind it does not matter.
///
/// Words that are not UTF-8 are tried as Latin-1, Latin-2, KOI8-R, windows-1251 and code page 866.
pub(super) fn month(word: &[u8]) -> Option<i8> {
    if let Some(month) = english(word) {
        return Some(month);
    }
    let end = word
        .iter()
        .rposition(|octet| !matches!(octet, b'.' | b','))?;
    let word = word.get(..=end)?;
    // No name of a month is longer than this, in any of the encodings.
    if word.len() < 3 && word.is_ascii()
        || word.len() > 28
        || word.iter().any(|octet| is_never_in_names(*octet))
    {
        return None;
    }
    if let Ok(text) = str::from_utf8(word) {
        return named(text);
    }
    [latin_1, latin_2, koi8_r, windows_1251, cp_866]
        .into_iter()
        .find_map(|decode| named(&word.iter().map(|&octet| decode(octet)).collect::<String>()))
}

/// The three-letter English names, in a form that costs little.
pub(super) fn english(word: &[u8]) -> Option<i8> {
    let &[a, b, c] = word.first_chunk::<3>().filter(|_| word.len() == 3)?;
    Some(match [a | 0x20, b | 0x20, c | 0x20] {
        [b'j', b'a', b'n'] => 1,
        [b'f', b'e', b'b'] => 2,
        [b'm', b'a', b'r'] => 3,
        [b'a', b'p', b'r'] => 4,
        [b'm', b'a', b'y'] => 5,
        [b'j', b'u', b'n'] => 6,
        [b'j', b'u', b'l'] => 7,
        [b'a', b'u', b'g'] => 8,
        [b's', b'e', b'p'] => 9,
        [b'o', b'c', b't'] => 10,
        [b'n', b'o', b'v'] => 11,
        [b'd', b'e', b'c'] => 12,
        _ => return None,
    })
}

/// Whether `word` is an English name of a day of the week: `Tue`, `Thur.`, `Friday`.
pub(super) fn is_weekday(word: &[u8]) -> bool {
    let word = word
        .strip_suffix(b".")
        .or_else(|| word.strip_suffix(b","))
        .unwrap_or(word);
    [
        &b"monday"[..],
        b"tuesday",
        b"wednesday",
        b"thursday",
        b"friday",
        b"saturday",
        b"sunday",
    ]
    .into_iter()
    .any(|day| word.len() >= 3 && super::text::starts_with(day, word))
}

fn is_never_in_names(octet: u8) -> bool {
    octet.is_ascii() && !octet.is_ascii_alphabetic()
}

fn named(text: &str) -> Option<i8> {
    let text: Cow<'_, str> = if text.chars().any(char::is_uppercase) {
        text.to_lowercase().into()
    } else {
        text.into()
    };
    (1..)
        .zip(NAMES)
        .find_map(|(number, names)| names.split(' ').any(|name| name == text).then_some(number))
}

fn latin_1(octet: u8) -> char {
    char::from(octet)
}

fn latin_2(octet: u8) -> char {
    LATIN_2
        .iter()
        .find(|(code, _)| *code == octet)
        .map_or(char::from(octet), |(_, letter)| *letter)
}

fn koi8_r(octet: u8) -> char {
    let letter = octet
        .checked_sub(0xC0)
        .and_then(|index| KOI8_R.chars().nth(usize::from(index)));
    letter.unwrap_or(char::from(octet))
}

fn windows_1251(octet: u8) -> char {
    cyrillic(octet, 0xC0, 0)
}

fn cp_866(octet: u8) -> char {
    match octet {
        0x80..=0xAF => cyrillic(octet, 0x80, 0),
        0xE0..=0xEF => cyrillic(octet, 0xE0, 48),
        _ => char::from(octet),
    }
}

/// The letter that is `octet - first + skipped` behind А.
fn cyrillic(octet: u8, first: u8, skipped: u32) -> char {
    let letter = octet
        .checked_sub(first)
        .and_then(|index| char::from_u32(0x410 + skipped + u32::from(index)));
    letter.unwrap_or(char::from(octet))
}

#[cfg(test)]
mod tests {
    use super::month;

    #[test]
    fn russian_is_read_in_its_four_encodings() {
        let may: [(&str, &[u8]); 4] = [
            ("UTF-8", "мая".as_bytes()),
            ("KOI8-R", b"\xCD\xC1\xD1"),
            ("windows-1251", b"\xEC\xE0\xFF"),
            ("866", b"\xAC\xA0\xEF"),
        ];
        for (name, octets) in may {
            assert_eq!(month(octets), Some(5), "{name}");
        }
    }

    #[test]
    fn case_full_stops_and_latin_encodings_do_not_matter() {
        for word in [
            &b"M\xC4RZ"[..],
            b"m\xE4rz",
            "März".as_bytes(),
            b"Mrz.",
            b"MAR,",
            b"mars",
        ] {
            assert_eq!(month(word), Some(3), "{}", word.escape_ascii());
        }
        assert_eq!(month(b"pa\xBC"), Some(10));
        assert_eq!(month(b"z\xE1\xF8"), Some(9));
        assert_eq!(month(b"ao\xFBt"), Some(8));
    }

    #[test]
    fn what_is_no_month_is_refused() {
        for word in [
            &b"Jam"[..],
            b"",
            b".",
            b"FED",
            b"12",
            b"ja",
            b"janissary",
            b"ma",
            b"\xFF\xFE\xFD",
        ] {
            assert_eq!(month(word), None, "{}", word.escape_ascii());
        }
    }
}
