//! What was measured: named figures, several of each, and their median.

use std::collections::BTreeMap;

/// Figures by name, as the measuring programs print them: `name value unit`, one a line.
#[derive(Debug, Default)]
pub(crate) struct Readings {
    figures: BTreeMap<String, Figure>,
}

#[derive(Debug)]
struct Figure {
    unit: String,
    values: Vec<f64>,
}

impl Readings {
    /// Adds one figure.
    pub(crate) fn add(&mut self, name: &str, value: f64, unit: &str) {
        let new = || Figure {
            unit: unit.to_owned(),
            values: Vec::new(),
        };
        let figure = self.figures.entry(name.to_owned()).or_insert_with(new);
        // A program that prints a time and the throughput that follows from it gives both one name: the first counts.
        if figure.unit == unit {
            figure.values.push(value);
        }
    }

    /// Adds every line of a program's output that is a figure.
    pub(crate) fn add_lines(&mut self, output: &str) {
        for line in output.lines() {
            let mut words = line.split_whitespace();
            if let (Some(name), Some(Ok(value)), Some(unit)) = (
                words.next(),
                words.next().map(str::parse::<f64>),
                words.next(),
            ) {
                self.add(name, value, unit);
            }
        }
    }

    /// The median of a figure's readings and its unit.
    pub(crate) fn median(&self, name: &str) -> Option<(f64, &str)> {
        let figure = self.figures.get(name)?;
        Some((median(&figure.values)?, &figure.unit))
    }

    /// The greatest of a figure's readings and its unit.
    pub(crate) fn greatest(&self, name: &str) -> Option<(f64, &str)> {
        let figure = self.figures.get(name)?;
        let greatest = figure.values.iter().copied().max_by(f64::total_cmp)?;
        Some((greatest, &figure.unit))
    }

    /// Every figure: name, median, unit, number of readings.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, f64, &str, usize)> {
        self.figures.iter().filter_map(|(name, figure)| {
            let value = median(&figure.values)?;
            Some((
                name.as_str(),
                value,
                figure.unit.as_str(),
                figure.values.len(),
            ))
        })
    }
}

/// The middle of `values`; the mean of the middle two if their number is even.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = *sorted.get((sorted.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

/// The value below which 99 of 100 lie.
pub(crate) fn p99(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() * 99 / 100).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_an_even_number_lies_between_the_middle_two() {
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn a_line_that_is_no_figure_is_passed_over() {
        let mut readings = Readings::default();
        readings.add_lines("ready\na.b 3 ns/op\na.b 5 ns/op\na.b 9 MB/s\n");
        assert_eq!(readings.median("a.b"), Some((4.0, "ns/op")));
    }
}
