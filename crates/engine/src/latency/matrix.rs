//! The published round-trip times between regions (L-1). `data/README.md` names their source.

use std::sync::LazyLock;

use super::RegionRtt;
use crate::time::SimDuration;

/// The smallest median of the matrix, so that `LatencyModel::minimum` need not read it. A test compares the two.
pub(super) const SHORTEST: RegionRtt = RegionRtt {
    p50: SimDuration::from_milliseconds(3),
    p95: SimDuration::from_milliseconds(5),
};

/// The published tables, read when the first packet crosses between two regions: most runs never need them.
pub(super) static MATRIX: LazyLock<Matrix> = LazyLock::new(|| {
    Matrix::parse(
        include_str!("../../data/region-rtt-p50-ms.csv"),
        include_str!("../../data/region-rtt-p95-ms.csv"),
    )
    .expect("the tables compiled in are square and filled, as a test asserts")
});

/// Round-trip times between regions, row = source.
pub(super) struct Matrix {
    /// Location ids, in the order of rows and of columns.
    regions: Vec<&'static str>,
    /// Row after row; `None` on the diagonal.
    cells: Vec<Option<RegionRtt>>,
}

impl Matrix {
    /// Reads the two tables; `None` unless they are square, of the same regions, and filled except for the diagonal.
    fn parse(p50: &'static str, p95: &'static str) -> Option<Self> {
        let regions: Vec<&str> = p50.lines().next()?.split(',').skip(1).collect();
        if !p95
            .lines()
            .next()?
            .split(',')
            .skip(1)
            .eq(regions.iter().copied())
        {
            return None;
        }
        let mut cells = Vec::with_capacity(regions.len() * regions.len());
        let (mut p50_rows, mut p95_rows) = (p50.lines().skip(1), p95.lines().skip(1));
        for region in &regions {
            let (mut medians, mut tails) =
                (p50_rows.next()?.split(','), p95_rows.next()?.split(','));
            if medians.next()? != *region || tails.next()? != *region {
                return None;
            }
            for column in &regions {
                cells.push(match (medians.next()?, tails.next()?) {
                    ("", "") if column == region => None,
                    (median, tail) => Some(RegionRtt {
                        p50: SimDuration::from_milliseconds(median.parse().ok()?),
                        p95: SimDuration::from_milliseconds(tail.parse().ok()?),
                    }),
                });
            }
            if medians.next().is_some() || tails.next().is_some() {
                return None;
            }
        }
        (p50_rows.next().is_none() && p95_rows.next().is_none()).then_some(Self { regions, cells })
    }

    pub(super) fn rtt(&self, from: &str, to: &str) -> Option<RegionRtt> {
        let index_of = |region| self.regions.iter().position(|known| *known == region);
        self.cells[index_of(from)? * self.regions.len() + index_of(to)?]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::{LatencyParameters, location_id};

    const fn rtt(p50: u64, p95: u64) -> RegionRtt {
        RegionRtt {
            p50: SimDuration::from_milliseconds(p50),
            p95: SimDuration::from_milliseconds(p95),
        }
    }

    #[test]
    fn the_matrix_is_square_and_filled_and_its_tail_is_above_its_median() {
        assert_eq!(MATRIX.regions.len(), 54);
        for from in &MATRIX.regions {
            assert_eq!(location_id(from), *from);
            for to in &MATRIX.regions {
                let cell = MATRIX.rtt(from, to);
                assert_eq!(cell.is_none(), from == to, "{from} {to}");
                if let Some(cell) = cell {
                    assert_eq!(cell.check("cell"), Ok(()), "{from} {to}");
                }
            }
        }
        let shortest = MATRIX.cells.iter().flatten().map(|cell| cell.p50).min();
        assert_eq!(shortest, Some(SHORTEST.p50));
        let longest = MATRIX.cells.iter().flatten().map(|cell| cell.p50).max();
        assert_eq!(longest, Some(SimDuration::from_milliseconds(344)));
    }

    /// The samples that L-1 quotes from the two published tables.
    #[test]
    fn known_cells_have_the_published_values() {
        for (from, to, expected) in [
            ("eastus", "eastus2", rtt(9, 11)),
            ("eastus", "centralus", rtt(29, 35)),
            ("eastus", "uksouth", rtt(78, 80)),
            ("eastus", "northeurope", rtt(73, 76)),
            ("eastus", "westeurope", rtt(85, 91)),
            ("eastus", "japaneast", rtt(162, 165)),
            ("eastus", "centralindia", rtt(201, 218)),
            ("northeurope", "westeurope", rtt(17, 19)),
            ("uksouth", "westeurope", rtt(11, 12)),
        ] {
            let either = [MATRIX.rtt(from, to), MATRIX.rtt(to, from)];
            assert!(either.contains(&Some(expected)), "{from} {to}: {either:?}");
        }
    }

    #[test]
    fn the_stand_in_for_unknown_pairs_is_the_median_cell() {
        let median = |value: fn(&RegionRtt) -> SimDuration| {
            let mut cells: Vec<_> = MATRIX.cells.iter().flatten().map(value).collect();
            cells.sort_unstable();
            cells[cells.len() / 2]
        };
        let stand_in = LatencyParameters::default().unknown_regions;
        assert_eq!(stand_in.p50, median(|cell| cell.p50));
        assert_eq!(stand_in.p95, median(|cell| cell.p95));
    }

    #[test]
    fn broken_tables_are_refused() {
        let good = "from,a,b\na,,3\nb,4,\n";
        assert!(Matrix::parse(good, good).is_some());
        for bad in [
            "",
            "from,a,b\na,,3\n",
            "from,a,b\na,,3\nb,4,\nc,1,1\n",
            "from,a,b\na,,3,9\nb,4,\n",
            "from,a,b\na,,\nb,4,\n",
            "from,a,b\na,,x\nb,4,\n",
            "from,a,b\nb,,3\na,4,\n",
            "from,a,c\na,,3\nc,4,\n",
        ] {
            assert!(Matrix::parse(good, bad).is_none(), "{bad:?}");
            assert!(Matrix::parse(bad, good).is_none(), "{bad:?}");
        }
    }
}
