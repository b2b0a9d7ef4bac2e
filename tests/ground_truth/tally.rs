//! What a replay has found: rows compared, and every difference by name.

use report::compare::{Class, Comparison, Difference};

#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Rows and answers that were really compared.
    pub(crate) rows: usize,
    /// What was not compared, or differs for a stated reason.
    pub(crate) explained: Vec<String>,
    /// The rest.
    pub(crate) failed: Vec<String>,
    /// Worth a word, without being a difference.
    pub(crate) remarks: Vec<String>,
}

impl Tally {
    /// A row that was compared and is equal.
    pub(crate) fn equal(&mut self) {
        self.rows += 1;
    }

    pub(crate) fn explain(&mut self, what: impl Into<String>) {
        self.explained.push(what.into());
    }

    pub(crate) fn fail(&mut self, what: impl Into<String>) {
        self.failed.push(what.into());
    }

    pub(crate) fn remark(&mut self, what: impl Into<String>) {
        let what = what.into();
        if !self.remarks.contains(&what) {
            self.remarks.push(what);
        }
    }

    /// A compared row that is equal, excused or failed.
    pub(crate) fn row(
        &mut self,
        equal: bool,
        excuse: Option<String>,
        difference: impl FnOnce() -> String,
    ) {
        self.rows += 1;
        match (equal, excuse) {
            (true, _) => {}
            (false, Some(excuse)) => self.explain(format!("{}: {excuse}", difference())),
            (false, None) => self.fail(difference()),
        }
    }

    /// Takes a comparison over. `None` routes are told apart by the caller.
    pub(crate) fn take(
        &mut self,
        subject: &str,
        comparison: &Comparison,
        mut excuse: impl FnMut(&Difference) -> Option<String>,
    ) {
        self.rows += comparison.compared;
        for remark in &comparison.remarks {
            self.remark(format!("{subject}: {remark}"));
        }
        for difference in &comparison.differences {
            if difference.class == Class::NoneRoute {
                continue;
            }
            let told = format!("{subject}: {}", sentence(difference));
            match excuse(difference) {
                Some(why) => self.explain(format!("{told}: {why}")),
                None => self.fail(told),
            }
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.explained.extend(other.explained);
        self.failed.extend(other.failed);
        self.remarks.extend(other.remarks);
    }
}

fn sentence(difference: &Difference) -> String {
    let side = |row: &Option<String>| row.clone().unwrap_or_else(|| "nothing".to_owned());
    let mut text = format!(
        "{} {}: Azure has {}, vnetsim {}",
        difference.what,
        difference.key,
        side(&difference.azure),
        side(&difference.vnetsim)
    );
    if let Some(made_by) = &difference.made_by {
        text = format!("{text} (by {made_by})");
    }
    text
}
