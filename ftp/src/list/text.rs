//! Words and numbers of a line, as octets.

/// Most words of a line that are looked at; names behind them are found by position.
const MAX_WORDS: usize = 32;

/// Whether an octet separates columns.
pub(super) const fn is_blank(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t')
}

/// A line and where its words are. A line that was folded has CR LF in it, which separates words too.
#[derive(Debug)]
pub(super) struct Words<'a> {
    line: &'a [u8],
    spans: [(usize, usize); MAX_WORDS],
    count: usize,
    more: bool,
}

impl<'a> Words<'a> {
    /// Splits a line at its blanks.
    pub(super) fn new(line: &'a [u8]) -> Self {
        let mut words = Self {
            line,
            spans: [(0, 0); MAX_WORDS],
            count: 0,
            more: false,
        };
        let mut start = None;
        for (at, &octet) in line.iter().enumerate() {
            let blank = matches!(octet, b' ' | b'\t' | b'\r' | b'\n');
            match (blank, start) {
                (false, None) => start = Some(at),
                (true, Some(from)) => {
                    if !words.push(from, at) {
                        return words;
                    }
                    start = None;
                }
                _ => {}
            }
        }
        if let Some(from) = start {
            words.push(from, line.len());
        }
        words
    }

    fn push(&mut self, start: usize, end: usize) -> bool {
        match self.spans.get_mut(self.count) {
            Some(span) => {
                *span = (start, end);
                self.count += 1;
                true
            }
            None => {
                self.more = true;
                false
            }
        }
    }

    /// The whole line.
    pub(super) fn line(&self) -> &'a [u8] {
        self.line
    }

    /// How many words there are, as far as they were counted.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Whether the line has exactly `count` words.
    pub(super) fn is_exactly(&self, count: usize) -> bool {
        self.count == count && !self.more
    }

    fn span(&self, index: usize) -> Option<(usize, usize)> {
        self.spans.get(..self.count)?.get(index).copied()
    }

    /// The word at `index`, counted from 0.
    pub(super) fn get(&self, index: usize) -> Option<&'a [u8]> {
        let (start, end) = self.span(index)?;
        self.line.get(start..end)
    }

    /// The last word.
    pub(super) fn last(&self) -> Option<&'a [u8]> {
        if self.more {
            None
        } else {
            self.get(self.count.checked_sub(1)?)
        }
    }

    /// From the start of word `first` to the end of word `last`.
    pub(super) fn through(&self, first: usize, last: usize) -> Option<&'a [u8]> {
        self.line.get(self.span(first)?.0..self.span(last)?.1)
    }

    /// From the start of word `index` to the end of the line.
    pub(super) fn from(&self, index: usize) -> Option<&'a [u8]> {
        self.line.get(self.span(index)?.0..)
    }

    /// What follows word `index`, blanks first.
    pub(super) fn after(&self, index: usize) -> Option<&'a [u8]> {
        self.line.get(self.span(index)?.1..)
    }

    /// Where word `index` ends, counted from the start of the line.
    pub(super) fn end_of(&self, index: usize) -> Option<usize> {
        Some(self.span(index)?.1)
    }

    /// How many octets lie between word `index` and the one before it; what leads the line for word 0.
    pub(super) fn gap_before(&self, index: usize) -> Option<usize> {
        let start = self.span(index)?.0;
        match index.checked_sub(1) {
            Some(before) => start.checked_sub(self.span(before)?.1),
            None => Some(start),
        }
    }

    /// The name that runs from word `index` to the end of the line, without blanks at its end; not empty.
    pub(super) fn name_from(&self, index: usize) -> Option<&'a [u8]> {
        Some(self.from(index)?.trim_ascii_end()).filter(|name| !name.is_empty())
    }
}

/// Decimal digits, at least one, nothing else.
pub(super) fn number(word: &[u8]) -> Option<u64> {
    if word.is_empty() {
        return None;
    }
    word.iter().try_fold(0_u64, |sum, &octet| {
        let digit = octet.wrapping_sub(b'0');
        if digit > 9 {
            None
        } else {
            sum.checked_mul(10)?.checked_add(u64::from(digit))
        }
    })
}

/// Decimal digits as a small number.
pub(super) fn small(word: &[u8]) -> Option<i16> {
    if word.len() > 4 {
        None
    } else {
        number(word)?.try_into().ok()
    }
}

/// Digits of another base.
pub(super) fn in_base(word: &[u8], base: u32) -> Option<u64> {
    if word.is_empty() || word.first() == Some(&b'+') {
        return None;
    }
    u64::from_str_radix(str::from_utf8(word).ok()?, base).ok()
}

/// Whether all octets are digits, and there is one.
pub(super) fn all_digits(word: &[u8]) -> bool {
    !word.is_empty() && word.iter().all(u8::is_ascii_digit)
}

/// Digits in groups of three between commas, full stops or apostrophes: `1,234,567`.
pub(super) fn grouped(word: &[u8]) -> Option<u64> {
    let mark = *word.iter().find(|octet| !octet.is_ascii_digit())?;
    if !matches!(mark, b',' | b'.' | b'\'') {
        return None;
    }
    let mut groups = word.split(|&octet| octet == mark);
    let mut sum = groups
        .next()
        .filter(|first| first.len() <= 3)
        .and_then(number)?;
    for group in groups {
        let value = Some(group)
            .filter(|group| group.len() == 3)
            .and_then(number)?;
        sum = sum.checked_mul(1000)?.checked_add(value)?;
    }
    Some(sum)
}

/// A size for people: `33.5k`, `9M`, `1.2GB`, in powers of 1024.
pub(super) fn scaled(word: &[u8]) -> Option<u64> {
    let word = word
        .strip_suffix(b"iB")
        .or_else(|| word.strip_suffix(b"B"))
        .unwrap_or(word);
    let (&unit, digits) = word.split_last()?;
    let shift = match unit.to_ascii_uppercase() {
        b'K' => 10,
        b'M' => 20,
        b'G' => 30,
        b'T' => 40,
        b'P' => 50,
        _ => return None,
    };
    let mut parts = digits.splitn(2, |&octet| octet == b'.' || octet == b',');
    let whole = number(parts.next()?)?.checked_mul(1 << shift)?;
    let Some(fraction) = parts.next() else {
        return Some(whole);
    };
    let fraction = Some(fraction).filter(|digits| digits.len() <= 3)?;
    let scale = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    whole.checked_add(number(fraction)?.checked_mul(1 << shift)? / scale)
}

/// Without blanks in front.
pub(super) fn trim_start(octets: &[u8]) -> &[u8] {
    let blanks = octets.iter().take_while(|&&octet| is_blank(octet)).count();
    octets.get(blanks..).unwrap_or_default()
}

/// Splits at the first occurrence of `mark`.
pub(super) fn split_once<'a>(octets: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = octets
        .windows(mark.len())
        .position(|window| window == mark)?;
    Some((octets.get(..at)?, octets.get(at + mark.len()..)?))
}

/// Whether `octets` begin with `start`, whatever the case of ASCII letters.
pub(super) fn starts_with(octets: &[u8], start: &[u8]) -> bool {
    octets
        .get(..start.len())
        .is_some_and(|front| front.eq_ignore_ascii_case(start))
}

/// Whether `part` occurs in `octets`, whatever the case of ASCII letters.
pub(super) fn contains(octets: &[u8], part: &[u8]) -> bool {
    octets
        .windows(part.len().max(1))
        .any(|window| window.eq_ignore_ascii_case(part))
}
