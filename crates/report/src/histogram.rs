//! Latency of a run: the summary that ping prints, and HdrHistogram's two file formats.
//!
//! Minimum, average, maximum and deviation are exact; percentiles and files go through a histogram of three significant digits
//! (0.1 %). Samples may come in any order. What is kept grows with the number of distinct values a second, not with the samples.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use engine::time::{CaptureEpoch, SimDuration, SimTime};
use formats::atomic::{self, WriteError};
use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::IntervalLogWriterBuilder;

const SIGNIFICANT_DIGITS: u8 = 3;

/// The longest latency that the histogram tells apart: 2^62 ns, 146 years. Longer ones count as this.
const LONGEST: u64 = (1 << 62) - 1;

/// One interval of a `.hlog` file, in nanoseconds.
const INTERVAL: u64 = 1_000_000_000;

/// From this number of samples on a summary has percentiles.
const ENOUGH_FOR_PERCENTILES: u64 = 20;

/// Gathers the latencies of a run.
#[derive(Clone, Debug)]
pub struct LatencyHistogram {
    /// Nanoseconds.
    histogram: Histogram<u64>,
    minimum: u64,
    maximum: u64,
    /// Of nanoseconds and of their squares: exact up to 2^128, which 2^32 samples of 4 s stay below.
    sum: u128,
    sum_of_squares: u128,
    /// For each second of the run that has samples: how often each value occurred, values rounded down as the histogram does.
    /// The one part that grows with the run, so it is kept only on request.
    seconds: Option<BTreeMap<u64, BTreeMap<u64, u64>>>,
}

impl LatencyHistogram {
    /// No samples yet. What is kept has a fixed size, however long the run.
    pub fn new() -> Self {
        Self {
            histogram: empty_histogram(),
            minimum: u64::MAX,
            maximum: 0,
            sum: 0,
            sum_of_squares: 0,
            seconds: None,
        }
    }

    /// No samples yet. Those of each second are kept apart too, as an interval log needs them.
    pub fn with_intervals() -> Self {
        Self {
            seconds: Some(BTreeMap::new()),
            ..Self::new()
        }
    }

    /// Adds a latency that was measured at the moment `at` (when the reply came in).
    pub fn record(&mut self, at: SimTime, latency: SimDuration) {
        self.record_many(at, latency, 1);
    }

    /// Adds a latency that `count` packets had.
    pub fn record_many(&mut self, at: SimTime, latency: SimDuration, count: u64) {
        if count == 0 {
            return;
        }
        let nanoseconds = latency.as_nanoseconds();
        self.minimum = self.minimum.min(nanoseconds);
        self.maximum = self.maximum.max(nanoseconds);
        let exact = u128::from(nanoseconds);
        let times = u128::from(count);
        self.sum = self.sum.saturating_add(exact * times);
        self.sum_of_squares = self
            .sum_of_squares
            .saturating_add((exact * exact).saturating_mul(times));
        let value = self.histogram.lowest_equivalent(nanoseconds.min(LONGEST));
        add(&mut self.histogram, value, count);
        if let Some(seconds) = &mut self.seconds {
            let second = seconds.entry(at.as_nanoseconds() / INTERVAL).or_default();
            *second.entry(value).or_default() += count;
        }
    }

    /// How many latencies were recorded.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// What ping prints below its line of dashes; `None` without samples.
    pub fn summary(&self) -> Option<LatencySummary> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let span = SimDuration::from_nanoseconds;
        let [minimum, maximum] = [self.minimum, self.maximum];
        // A bucket reaches beyond the samples in it.
        let percentile = |quantile| {
            span(
                self.histogram
                    .value_at_quantile(quantile)
                    .clamp(minimum, maximum),
            )
        };
        Some(LatencySummary {
            count,
            minimum: span(minimum),
            average: self.average(),
            maximum: span(maximum),
            deviation: self.deviation(),
            percentiles: (count >= ENOUGH_FOR_PERCENTILES).then(|| Percentiles {
                p50: percentile(0.5),
                p90: percentile(0.9),
                p99: percentile(0.99),
                p99_9: percentile(0.999),
            }),
        })
    }

    fn average(&self) -> SimDuration {
        let average = self.sum / u128::from(self.count().max(1));
        SimDuration::from_nanoseconds(u64::try_from(average).unwrap_or(u64::MAX))
    }

    /// √(mean of squares − square of mean), as ping defines mdev. In whole numbers: equal on every platform, and zero for equal samples.
    fn deviation(&self) -> SimDuration {
        let count = u128::from(self.count().max(1));
        let squares = self.sum_of_squares.saturating_mul(count);
        let deviation = squares
            .saturating_sub(self.sum.saturating_mul(self.sum))
            .isqrt()
            / count;
        SimDuration::from_nanoseconds(u64::try_from(deviation).unwrap_or(u64::MAX))
    }

    /// HdrHistogram's percentile text (`outputPercentileDistribution` of the Java original, five ticks per half distance).
    fn write_hgrm(&self, writer: &mut dyn Write, heading: &str) -> io::Result<()> {
        writeln!(
            writer,
            "{:>12} {:>14} {:>10} {:>14}\n",
            "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
        )?;
        let mut seen = 0;
        for step in self.histogram.iter_quantiles(5) {
            seen += step.count_since_last_iteration();
            let value = milliseconds(step.value_iterated_to());
            let quantile = step.quantile_iterated_to();
            if quantile < 1.0 {
                let odds = 1.0 / (1.0 - quantile);
                writeln!(writer, "{value:>12} {quantile:.12} {seen:>10} {odds:>14.2}")?;
            } else {
                writeln!(writer, "{value:>12} {quantile:.12} {seen:>10}")?;
            }
        }
        let average = milliseconds(self.average().as_nanoseconds());
        let deviation = milliseconds(self.deviation().as_nanoseconds());
        let maximum = milliseconds(self.maximum);
        writeln!(
            writer,
            "#[Mean    = {average:>12}, StdDeviation   = {deviation:>12}]"
        )?;
        writeln!(
            writer,
            "#[Max     = {maximum:>12}, Total count    = {:>12}]",
            self.count()
        )?;
        // With three significant digits a bucket has 2 × 1000 rounded up to a power of two.
        writeln!(
            writer,
            "#[Buckets = {:>12}, SubBuckets     = {:>12}]",
            self.histogram.buckets(),
            2_048
        )?;
        writeln!(writer, "# Value in milliseconds. {}", one_line(heading))
    }

    /// HdrHistogram's interval log: one compressed histogram of nanoseconds for each second with samples.
    fn write_hlog(
        &self,
        writer: &mut dyn Write,
        epoch: CaptureEpoch,
        heading: &str,
    ) -> io::Result<()> {
        let Some(seconds) = &self.seconds else {
            let reason = "the samples of each second were not kept";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        };
        // Not the host's clock: a moment computed from the fixed epoch, in the type the library asks for.
        let start = UNIX_EPOCH + Duration::from_secs(epoch.unix_seconds());
        let mut serializer = V2DeflateSerializer::new();
        let mut writer = writer;
        let mut log = IntervalLogWriterBuilder::new()
            .add_comment("[Histogram log format version 1.3]")
            .add_comment(&format!("[{}]", one_line(heading)))
            .with_start_time(start)
            .with_base_time(start)
            // The interval's maximum, for people, in milliseconds: what readers of nanosecond logs take for granted.
            .with_max_value_divisor(1e6)
            .begin_log_with(&mut writer, &mut serializer)?;
        for (second, values) in seconds {
            let mut interval = empty_histogram();
            for (&value, &count) in values {
                add(&mut interval, value, count);
            }
            log.write_histogram(
                &interval,
                Duration::from_secs(*second),
                Duration::from_nanos(INTERVAL),
                None,
            )
            .map_err(|error| io::Error::other(error.to_string()))?;
        }
        Ok(())
    }
}

impl Default for LatencyHistogram {
    fn default() -> Self {
        Self::new()
    }
}

fn empty_histogram() -> Histogram<u64> {
    Histogram::new(SIGNIFICANT_DIGITS).expect("three digits are within the library's 0 to 5")
}

fn add(histogram: &mut Histogram<u64>, value: u64, count: u64) {
    histogram
        .record_n(value, count)
        .expect("it resizes to any value up to LONGEST, and the callers give no other");
}

fn milliseconds(nanoseconds: u64) -> String {
    SimDuration::from_nanoseconds(nanoseconds)
        .in_milliseconds()
        .to_string()
}

/// A comment ends with its line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Latency in figures. Prints as ping does, without the word before it:
/// `min/avg/max/mdev = 0.898/0.951/1.022/0.044 ms`, and a second line `p50/p90/p99/p99.9 = …` if there are percentiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatencySummary {
    /// Samples.
    pub count: u64,
    /// The shortest.
    pub minimum: SimDuration,
    /// The arithmetic mean, rounded down to the nanosecond.
    pub average: SimDuration,
    /// The longest.
    pub maximum: SimDuration,
    /// The standard deviation (ping's mdev), rounded down to the nanosecond.
    pub deviation: SimDuration,
    /// From 20 samples on.
    pub percentiles: Option<Percentiles>,
}

/// Percentiles, to three significant digits: the longest latency of that share of the samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percentiles {
    /// Median.
    pub p50: SimDuration,
    /// 90 %.
    pub p90: SimDuration,
    /// 99 %.
    pub p99: SimDuration,
    /// 99.9 %.
    pub p99_9: SimDuration,
}

impl fmt::Display for LatencySummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = [self.minimum, self.average, self.maximum, self.deviation];
        write!(f, "min/avg/max/mdev = {} ms", slashed(figures))?;
        if let Some(Percentiles {
            p50,
            p90,
            p99,
            p99_9,
        }) = self.percentiles
        {
            write!(
                f,
                "\np50/p90/p99/p99.9 = {} ms",
                slashed([p50, p90, p99, p99_9])
            )?;
        }
        Ok(())
    }
}

fn slashed(spans: [SimDuration; 4]) -> String {
    spans
        .map(|span| span.in_milliseconds().to_string())
        .join("/")
}

/// A file that a histogram is to be written to. Made before the run, so that a wrong name costs no run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistogramFile {
    path: PathBuf,
    format: HistogramFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HistogramFormat {
    Hgrm,
    Hlog,
}

/// A histogram could not be written.
#[derive(Debug, thiserror::Error)]
pub enum HistogramError {
    /// The extension says no format that we write.
    #[error("histogram file {}: expected the extension .hgrm (percentiles) or .hlog (interval log)", .0.display())]
    Extension(PathBuf),
    /// The system refused.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl HistogramFile {
    /// The extension decides, in either case: `.hgrm` is HdrHistogram's percentile text with values in milliseconds (what its plotter
    /// takes unless told otherwise), `.hlog` its interval log with values in nanoseconds.
    pub fn new(path: impl Into<PathBuf>) -> Result<Self, HistogramError> {
        let path = path.into();
        let format = match path.extension().and_then(|extension| extension.to_str()) {
            Some(extension) if extension.eq_ignore_ascii_case("hgrm") => HistogramFormat::Hgrm,
            Some(extension) if extension.eq_ignore_ascii_case("hlog") => HistogramFormat::Hlog,
            _ => return Err(HistogramError::Extension(path)),
        };
        Ok(Self { path, format })
    }

    /// Where the histogram goes.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// An empty histogram that keeps what this file needs.
    pub fn histogram(&self) -> LatencyHistogram {
        match self.format {
            HistogramFormat::Hgrm => LatencyHistogram::new(),
            HistogramFormat::Hlog => LatencyHistogram::with_intervals(),
        }
    }

    /// Writes the file, whole or not at all: a histogram with intervals if it is an interval log. `heading` becomes a comment: what was measured and by which latency model.
    pub fn write(
        &self,
        histogram: &LatencyHistogram,
        epoch: CaptureEpoch,
        heading: &str,
    ) -> Result<(), HistogramError> {
        atomic::write(&self.path, |writer| match self.format {
            HistogramFormat::Hgrm => histogram.write_hgrm(writer, heading),
            HistogramFormat::Hlog => histogram.write_hlog(writer, epoch, heading),
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::{BASE64_STANDARD as BASE64, Engine};
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
    use proptest::prelude::*;

    fn microseconds(samples: impl IntoIterator<Item = u64>) -> LatencyHistogram {
        let mut histogram = LatencyHistogram::with_intervals();
        for (index, sample) in (0..).zip(samples) {
            // Four samples a second.
            let at = SimTime::from_nanoseconds(index * 250_000_000);
            histogram.record(at, SimDuration::from_microseconds(sample));
        }
        histogram
    }

    fn written(histogram: &LatencyHistogram, name: &str) -> String {
        let folder = tempfile::tempdir().expect("folder");
        let file = HistogramFile::new(folder.path().join(name)).expect("a known extension");
        file.write(
            histogram,
            CaptureEpoch::default(),
            "ping a b, model\nazure-2026-07",
        )
        .expect("written");
        std::fs::read_to_string(file.path()).expect("readable")
    }

    #[test]
    fn the_summary_of_a_few_samples_is_the_line_of_ping() {
        let summary = microseconds([1_000, 2_000, 4_500])
            .summary()
            .expect("samples");
        // mean 2.5 ms; squares of the differences 2.25 + 0.25 + 4 over 3 give 1.472 ms
        assert_eq!(
            summary.to_string(),
            "min/avg/max/mdev = 1.000/2.500/4.500/1.472 ms"
        );
        assert_eq!(
            microseconds([7]).summary().expect("a sample").deviation,
            SimDuration::ZERO
        );
        assert_eq!(LatencyHistogram::new().summary(), None);
    }

    #[test]
    fn percentiles_appear_with_the_twentieth_sample() {
        let figures = |count| microseconds(1..=count).summary().expect("samples");
        assert_eq!(figures(19).percentiles, None);
        let text = figures(20).to_string();
        let (_, percentiles) = text.split_once('\n').expect("a second line");
        assert_eq!(
            percentiles,
            "p50/p90/p99/p99.9 = 0.010/0.018/0.020/0.020 ms"
        );
    }

    #[test]
    fn the_percentile_file_is_what_plotters_read() {
        let text = written(&microseconds((1..=100).map(|i| i * 10)), "ping.hgrm");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "       Value     Percentile TotalCount 1/(1-Percentile)"
        );
        assert_eq!(lines[1], "");
        assert_eq!(
            lines[2],
            "       0.010 0.000000000000          1           1.00"
        );
        assert!(
            lines.contains(&"       0.500 0.500000000000         50           2.00"),
            "{text}"
        );
        assert!(
            lines.contains(&"       1.000 1.000000000000        100"),
            "{text}"
        );
        let end = lines.len();
        assert_eq!(
            lines[end - 4],
            "#[Mean    =        0.505, StdDeviation   =        0.289]"
        );
        assert_eq!(
            lines[end - 3],
            "#[Max     =        1.000, Total count    =          100]"
        );
        assert_eq!(
            lines[end - 2],
            "#[Buckets =           10, SubBuckets     =         2048]"
        );
        assert_eq!(
            lines[end - 1],
            "# Value in milliseconds. ping a b, model azure-2026-07"
        );
        // The plotter takes every line of four numbers that does not start with '#'.
        let points = lines[2..end - 4]
            .iter()
            .filter(|line| line.split_whitespace().count() == 4)
            .count();
        assert_eq!(points, end - 7, "all but the line of 100 %");
    }

    #[test]
    fn the_interval_log_has_the_samples_of_each_second() {
        let mut histogram = microseconds([100, 200, 300, 400, 500]);
        histogram.record(
            SimTime::from_nanoseconds(9_100_000_000),
            SimDuration::from_milliseconds(1),
        );
        let text = written(&histogram, "ping.HLOG");
        let mut intervals = Vec::new();
        let mut times = Vec::new();
        for entry in IntervalLogIterator::new(text.as_bytes()) {
            match entry.expect("a log that its own library reads") {
                LogEntry::StartTime(time) | LogEntry::BaseTime(time) => times.push(time.as_secs()),
                LogEntry::Interval(interval) => {
                    let bytes = BASE64.decode(interval.encoded_histogram()).expect("base64");
                    let decoded: Histogram<u64> = Deserializer::new()
                        .deserialize(&mut bytes.as_slice())
                        .expect("a histogram");
                    intervals.push((
                        interval.start_timestamp().as_secs(),
                        interval.duration().as_secs(),
                        decoded.len(),
                        decoded.max() / 1_000,
                    ));
                }
            }
        }
        let epoch = CaptureEpoch::default().unix_seconds();
        assert_eq!(times, [epoch, epoch]);
        assert_eq!(
            intervals,
            [(0, 1, 4, 400), (1, 1, 1, 500), (9, 1, 1, 1_000)]
        );
        assert!(
            text.starts_with(
                "#[Histogram log format version 1.3]\n#[ping a b, model azure-2026-07]\n"
            ),
            "{text}"
        );
        // Readers know the compressed form by its first letters.
        assert_eq!(text.matches(",HISTFAAA").count(), 3, "{text}");
    }

    #[test]
    fn a_run_without_replies_has_files_too() {
        let empty = LatencyHistogram::with_intervals();
        assert!(written(&empty, "none.hgrm").contains("Total count    =            0]"));
        let log = written(&empty, "none.hlog");
        assert!(log.lines().all(|line| line.starts_with('#')), "{log}");
    }

    #[test]
    fn seconds_are_kept_only_for_the_file_that_needs_them() {
        let folder = tempfile::tempdir().expect("folder");
        for (name, kept) in [("ping.hgrm", false), ("ping.hlog", true)] {
            let file = HistogramFile::new(folder.path().join(name)).expect("a format");
            let mut histogram = file.histogram();
            histogram.record(SimTime::ZERO, SimDuration::from_milliseconds(1));
            assert_eq!(histogram.seconds.is_some(), kept, "{name}");
            file.write(&histogram, CaptureEpoch::default(), "ping a b")
                .expect("it keeps what the file needs");
        }
        let log = HistogramFile::new(folder.path().join("other.hlog")).expect("a format");
        log.write(&LatencyHistogram::new(), CaptureEpoch::default(), "")
            .expect_err("rather than an empty log");
    }

    #[test]
    fn another_extension_is_an_error_that_names_the_two() {
        for name in ["ping.csv", "ping", "hgrm", ".hlog"] {
            let error = HistogramFile::new(name).expect_err("no format");
            let message = error.to_string();
            assert!(
                message.contains(name) && message.contains(".hgrm") && message.contains(".hlog"),
                "{message}"
            );
        }
    }

    #[test]
    fn absurd_latencies_are_counted_and_break_nothing() {
        let mut histogram = LatencyHistogram::with_intervals();
        for _ in 0..30 {
            histogram.record(SimTime::MAX, SimDuration::from_nanoseconds(u64::MAX));
            histogram.record(SimTime::ZERO, SimDuration::ZERO);
        }
        let summary = histogram.summary().expect("samples");
        assert_eq!((summary.count, summary.minimum), (60, SimDuration::ZERO));
        assert_eq!(summary.maximum, SimDuration::from_nanoseconds(u64::MAX));
        for name in ["absurd.hgrm", "absurd.hlog"] {
            assert!(!written(&histogram, name).is_empty());
        }
    }

    proptest! {
        /// The obvious way: sort all samples and count.
        #[test]
        fn figures_agree_with_the_sorted_samples(mut samples in proptest::collection::vec(0_u64..10_000_000_000, 20..200)) {
            let mut histogram = LatencyHistogram::new();
            for sample in &samples {
                histogram.record(SimTime::from_nanoseconds(*sample), SimDuration::from_nanoseconds(*sample));
            }
            let summary = histogram.summary().expect("samples");
            samples.sort_unstable();
            let count = samples.len();
            let ns = SimDuration::as_nanoseconds;
            prop_assert_eq!(ns(summary.minimum), samples[0]);
            prop_assert_eq!(ns(summary.maximum), samples[count - 1]);
            let average = samples.iter().sum::<u64>() / count as u64;
            prop_assert_eq!(ns(summary.average), average);
            #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
            let deviation = {
                let mean = samples.iter().map(|sample| *sample as f64).sum::<f64>() / count as f64;
                let squares = samples.iter().map(|sample| (*sample as f64 - mean).powi(2)).sum::<f64>();
                (squares / count as f64).sqrt()
            };
            #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
            let difference = (ns(summary.deviation) as f64 - deviation).abs();
            prop_assert!(difference <= 1.0 + deviation * 1e-9, "{difference} ns off {deviation}");
            let percentiles = summary.percentiles.expect("20 samples");
            for (permille, found) in [(500, percentiles.p50), (900, percentiles.p90), (990, percentiles.p99), (999, percentiles.p99_9)] {
                let exact = samples[(count * permille).div_ceil(1_000) - 1];
                let (found, tolerance) = (ns(found), exact / 1_000 + 1);
                prop_assert!(found.abs_diff(exact) <= tolerance, "{permille}: {found} for {exact}");
            }
        }
    }
}
