//! The report: one HTML file with its plots in it.

use std::fmt::Write as _;
use std::time::Duration;

use plotters::prelude::{
    BLACK, ChartBuilder, Circle, Color as _, IntoDrawingArea as _, IntoLogRange as _, LineSeries,
    PathElement, RGBColor, SVGBackend, WHITE,
};

use crate::Error;
use crate::video::millis;

const BEFORE: RGBColor = RGBColor(190, 70, 40);
const AFTER: RGBColor = RGBColor(20, 100, 150);
const SIZE: (u32, u32) = (860, 340);
/// Milliseconds at which the axes begin: what waits and what does not are far apart.
const LEAST: f64 = 1.0;

/// A packet that arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// Since the run began.
    pub(crate) sent: Duration,
    pub(crate) took: Duration,
}

/// What became of the packets of one run.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) sent: usize,
    pub(crate) arrivals: Vec<Arrival>,
}

impl Run {
    pub(crate) fn lost(&self) -> usize {
        self.sent.saturating_sub(self.arrivals.len())
    }

    #[expect(clippy::cast_precision_loss, reason = "a few thousand packets")]
    pub(crate) fn lost_percent(&self) -> f64 {
        100.0 * self.lost() as f64 / self.sent.max(1) as f64
    }

    fn sorted(&self) -> Vec<Duration> {
        let mut took: Vec<_> = self.arrivals.iter().map(|arrival| arrival.took).collect();
        took.sort_unstable();
        took
    }

    /// What so many of a hundred packets that arrived did not exceed.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let took = self.sorted();
        let at = (took.len() * percent).div_ceil(100).saturating_sub(1);
        took.get(at).copied().unwrap_or_default()
    }

    pub(crate) fn slowest(&self) -> Duration {
        self.sorted().last().copied().unwrap_or_default()
    }
}

/// What is told.
pub(crate) struct Report<'a> {
    pub(crate) map: &'a str,
    pub(crate) before: &'a Run,
    pub(crate) after: &'a Run,
    pub(crate) bound: Duration,
    pub(crate) seed: u64,
}

impl Report<'_> {
    pub(crate) fn to_html(&self) -> Result<String, Error> {
        let mut html = String::from(HEAD);
        let _ = write!(
            html,
            "<h1>A video through a crowd, without and with a reservation</h1>\n\
             <pre>{}</pre>\n\
             <p>The camera sends 1.7 Mbit/s to the bridge, over two links of 10 Mbit/s into which crowds send twice \
             that. Everything runs on Fairway's own TCP/IP stack in one process, in virtual time; seed {}.</p>\n",
            self.map, self.seed
        );
        html.push_str("<table><tr><th></th><th>sent</th><th>lost</th><th>median</th><th>99 %</th><th>slowest</th></tr>\n");
        for (name, run) in [("best effort", self.before), ("reserved", self.after)] {
            let _ = writeln!(
                html,
                "<tr><th>{name}</th><td>{}</td><td>{:.1} %</td><td>{:.1} ms</td><td>{:.1} ms</td><td>{:.1} ms</td></tr>",
                run.sent,
                run.lost_percent(),
                millis(run.percentile(50)),
                millis(run.percentile(99)),
                millis(run.slowest()),
            );
        }
        let _ = write!(
            html,
            "</table>\n<p>By RFC 2212's arithmetic no reserved packet takes more than <b>{:.1} ms</b>.</p>\n\
             <h2>Each packet's delay</h2>\n{}\n<h2>How many arrive within a time</h2>\n{}\n\
             <p>Packets that were lost are not among the dots, and keep the line of best effort from reaching 100 %.</p>\n\
             </body></html>\n",
            millis(self.bound),
            self.dots()?,
            self.shares()?,
        );
        Ok(html)
    }

    fn most(&self) -> f64 {
        let slowest = self.before.slowest().max(self.bound);
        millis(slowest) * 1.1
    }

    /// Delay over time.
    fn dots(&self) -> Result<String, Error> {
        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
            area.fill(&WHITE)?;
            let mut chart = ChartBuilder::on(&area)
                .margin(12)
                .x_label_area_size(40)
                .y_label_area_size(56)
                .build_cartesian_2d(0.0..4.0, (LEAST..self.most()).log_scale())?;
            chart
                .configure_mesh()
                .light_line_style(WHITE)
                .x_desc("sent, seconds")
                .y_desc("delay, milliseconds")
                .draw()?;
            for (name, run, colour) in [
                ("best effort", self.before, BEFORE),
                ("reserved", self.after, AFTER),
            ] {
                let dots = run.arrivals.iter().map(|arrival| {
                    let at = (arrival.sent.as_secs_f64(), millis(arrival.took));
                    Circle::new(at, 2, colour.mix(0.6).filled())
                });
                chart
                    .draw_series(dots)?
                    .label(name)
                    .legend(move |(x, y)| Circle::new((x + 10, y), 3, colour.filled()));
            }
            let bound = millis(self.bound);
            chart
                .draw_series(LineSeries::new([(0.0, bound), (4.0, bound)], BLACK))?
                .label("guaranteed bound")
                .legend(|(x, y)| PathElement::new([(x, y), (x + 20, y)], BLACK));
            chart
                .configure_series_labels()
                .background_style(WHITE.mix(0.85))
                .border_style(BLACK.mix(0.3))
                .draw()?;
            area.present()?;
        }
        Ok(svg)
    }

    /// The share of packets sent that arrived within a delay.
    fn shares(&self) -> Result<String, Error> {
        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
            area.fill(&WHITE)?;
            let mut chart = ChartBuilder::on(&area)
                .margin(12)
                .x_label_area_size(40)
                .y_label_area_size(56)
                .build_cartesian_2d((LEAST..self.most()).log_scale(), 0.0..100.0)?;
            chart
                .configure_mesh()
                .light_line_style(WHITE)
                .x_desc("delay, milliseconds")
                .y_desc("% of packets sent")
                .draw()?;
            for (name, run, colour) in [
                ("best effort", self.before, BEFORE),
                ("reserved", self.after, AFTER),
            ] {
                #[expect(clippy::cast_precision_loss, reason = "a few thousand packets")]
                let share = |count: usize| 100.0 * count as f64 / run.sent.max(1) as f64;
                let took = run.sorted();
                let last = (self.most(), share(took.len()));
                let steps = took
                    .iter()
                    .enumerate()
                    .map(|(at, took)| (millis(*took), share(at + 1)));
                let line = std::iter::once((LEAST, 0.0)).chain(steps).chain([last]);
                chart
                    .draw_series(LineSeries::new(line, colour.stroke_width(2)))?
                    .label(name)
                    .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour));
            }
            chart
                .configure_series_labels()
                .background_style(WHITE.mix(0.85))
                .border_style(BLACK.mix(0.3))
                .draw()?;
            area.present()?;
        }
        Ok(svg)
    }
}

const HEAD: &str = "\
<!doctype html>
<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Fairway: a reservation</title>
<meta name=\"viewport\" content=\"width=device-width\">
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
pre { background: #f4f4f2; padding: .8rem 1rem; line-height: 1.2; overflow-x: auto }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { padding: .3rem 1rem; text-align: right; border-bottom: 1px solid #ddd }
th:first-child { text-align: left }
svg { width: 100%; height: auto }
</style></head><body>
";
