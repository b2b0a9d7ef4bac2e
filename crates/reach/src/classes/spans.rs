//! Sets of columns as ascending spans: what address prefixes are once columns are sorted by address.

/// Columns `start..end`.
pub(super) type Span = (u32, u32);

/// Ascending spans, neither empty nor touching.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Spans(Vec<Span>);

impl Spans {
    pub(super) fn as_slice(&self) -> &[Span] {
        &self.0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a column is in it.
    pub(super) fn contains(&self, column: u32) -> bool {
        let at = self.0.partition_point(|&(_, end)| end <= column);
        self.0.get(at).is_some_and(|&(start, _)| start <= column)
    }

    /// Puts in a span that lies behind all others, or touches the last.
    pub(super) fn push(&mut self, (start, end): Span) {
        if start >= end {
            return;
        }
        match self.0.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => self.0.push((start, end)),
        }
    }

    /// The union of spans in any order.
    pub(super) fn of(mut spans: Vec<Span>) -> Self {
        spans.sort_unstable();
        let mut union = Self::default();
        for span in spans {
            union.push(span);
        }
        union
    }

    pub(super) fn columns(&self) -> impl Iterator<Item = u32> {
        self.0.iter().flat_map(|&(start, end)| start..end)
    }

    /// What is in both.
    pub(super) fn and(&self, other: &[Span]) -> Self {
        let mut both = Self::default();
        let mut rest = other;
        for &(start, end) in &self.0 {
            // Others that end before this one begins meet none that comes.
            rest = &rest[rest.partition_point(|&(_, other_end)| other_end <= start)..];
            for &(other_start, other_end) in rest {
                if other_start >= end {
                    break;
                }
                both.push((start.max(other_start), end.min(other_end)));
            }
        }
        both
    }

    /// What is in this one alone.
    pub(super) fn without(&self, other: &[Span]) -> Self {
        let mut left = Self::default();
        let mut rest = other;
        for &(start, end) in &self.0 {
            rest = &rest[rest.partition_point(|&(_, other_end)| other_end <= start)..];
            let mut from = start;
            for &(other_start, other_end) in rest {
                if other_start >= end {
                    break;
                }
                left.push((from, other_start.max(from)));
                from = from.max(other_end);
            }
            left.push((from.min(end), end));
        }
        left
    }

    /// Puts in what is in another, which mostly lies behind.
    pub(super) fn add(&mut self, other: Self) {
        let behind = self.0.last().map_or(0, |&(_, end)| end);
        if other.0.first().is_none_or(|&(start, _)| start >= behind) {
            for span in other.0 {
                self.push(span);
            }
        } else {
            *self = self.or(&other.0);
        }
    }

    /// What is in one of them.
    pub(super) fn or(&self, other: &[Span]) -> Self {
        Self::of(
            self.0
                .iter()
                .chain(other)
                .copied()
                .filter(|span| span.0 < span.1)
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn spans() -> impl Strategy<Value = Spans> {
        let span = (0_u32..60, 0_u32..10).prop_map(|(start, length)| (start, start + length));
        prop::collection::vec(span, 0..8)
            .prop_map(|spans| Spans::of(spans.into_iter().filter(|span| span.0 < span.1).collect()))
    }

    proptest! {
        #[test]
        fn spans_are_sets(a in spans(), b in spans()) {
            let set = |spans: &Spans| spans.columns().collect::<BTreeSet<u32>>();
            let (left, right) = (set(&a), set(&b));
            prop_assert_eq!(set(&a.and(b.as_slice())), &left & &right);
            prop_assert_eq!(set(&a.without(b.as_slice())), &left - &right);
            prop_assert_eq!(set(&a.or(b.as_slice())), &left | &right);
            for spans in [a.and(b.as_slice()), a.without(b.as_slice()), a.or(b.as_slice())] {
                prop_assert!(spans.0.iter().all(|span| span.0 < span.1));
                prop_assert!(spans.0.windows(2).all(|pair| pair[0].1 < pair[1].0));
            }
        }
    }
}
