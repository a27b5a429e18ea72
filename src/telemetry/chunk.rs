//! A stretch of samples of one resource, as it is stored: all meters, one grain, fixed length. Pure.

use crate::ids::Time;

use super::meters::METERS;

/// Length of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Grain {
    /// Sixty steps to a chunk; one value each.
    Second,
    /// Sixty steps to a chunk; mean, lowest and highest.
    Minute,
    /// Twenty-four steps to a chunk; mean, lowest and highest.
    Hour,
}

impl Grain {
    /// Length of a step in seconds; also its name in the database.
    pub fn seconds(self) -> i64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3600,
        }
    }

    /// Steps in a chunk.
    pub fn slots(self) -> usize {
        match self {
            Self::Second | Self::Minute => 60,
            Self::Hour => 24,
        }
    }

    /// The grain whose step is a chunk of this one.
    pub fn coarser(self) -> Option<Self> {
        match self {
            Self::Second => Some(Self::Minute),
            Self::Minute => Some(Self::Hour),
            Self::Hour => None,
        }
    }

    fn step_us(self) -> i64 {
        self.seconds() * 1_000_000
    }

    /// When the chunk begins that holds `at`.
    pub fn chunk_start(self, at: Time) -> Time {
        let length = self.step_us() * i64::try_from(self.slots()).unwrap_or(1);
        Time(at.0.div_euclid(length) * length)
    }
}

/// What a step holds of one meter. Not-a-number is a gap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// Mean over the step.
    pub mean: f32,
    /// Lowest value in it.
    pub min: f32,
    /// Highest value in it.
    pub max: f32,
}

impl Cell {
    /// Nothing was measured.
    pub const GAP: Self = Self {
        mean: f32::NAN,
        min: f32::NAN,
        max: f32::NAN,
    };

    /// One value.
    pub fn of(value: f32) -> Self {
        Self {
            mean: value,
            min: value,
            max: value,
        }
    }

    /// Several steps as one.
    pub fn merge(cells: impl Iterator<Item = Self>) -> Self {
        let (mut sum, mut count, mut all) = (0.0_f64, 0.0_f64, Self::GAP);
        for cell in cells.filter(|cell| !cell.mean.is_nan()) {
            sum += f64::from(cell.mean);
            count += 1.0;
            all.min = all.min.min(cell.min);
            all.max = all.max.max(cell.max);
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a mean of single-precision values"
        )]
        if count > 0.0 {
            all.mean = (sum / count) as f32;
        }
        all
    }
}

/// A stretch of samples.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// Length of its steps.
    pub grain: Grain,
    /// When its first step begins.
    pub start: Time,
    cells: Vec<Cell>,
}

impl Chunk {
    /// Gaps only, for the stretch that holds `at`.
    pub fn empty(grain: Grain, at: Time) -> Self {
        Self {
            grain,
            start: grain.chunk_start(at),
            cells: vec![Cell::GAP; grain.slots() * METERS],
        }
    }

    /// Reads what [`Chunk::encode`] wrote; gaps only if the length is another (a chunk of a later version).
    pub fn decode(grain: Grain, start: Time, bytes: &[u8]) -> Self {
        let mut chunk = Self::empty(grain, start);
        let width = if grain == Grain::Second { 1 } else { 3 };
        if bytes.len() == chunk.cells.len() * width * 4 {
            let mut values = bytes
                .chunks_exact(4)
                .map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]));
            let mut next = || values.next().unwrap_or(f32::NAN);
            for cell in &mut chunk.cells {
                *cell = if width == 1 {
                    Cell::of(next())
                } else {
                    Cell {
                        mean: next(),
                        min: next(),
                        max: next(),
                    }
                };
            }
        }
        chunk
    }

    /// Little-endian single precision, step by step and meter by meter.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.cells.len() * 12);
        for cell in &self.cells {
            bytes.extend(cell.mean.to_le_bytes());
            if self.grain != Grain::Second {
                bytes.extend(cell.min.to_le_bytes());
                bytes.extend(cell.max.to_le_bytes());
            }
        }
        bytes
    }

    /// The step that holds `at`, if it is in this chunk.
    pub fn slot(&self, at: Time) -> Option<usize> {
        let slot = usize::try_from((at.0 - self.start.0).div_euclid(self.grain.step_us())).ok()?;
        (slot < self.grain.slots()).then_some(slot)
    }

    /// A meter at a step.
    pub fn get(&self, slot: usize, meter: usize) -> Cell {
        self.cells
            .get(slot * METERS + meter)
            .copied()
            .unwrap_or(Cell::GAP)
    }

    /// Sets a meter at a step.
    pub fn set(&mut self, slot: usize, meter: usize, cell: Cell) {
        if let Some(place) = self.cells.get_mut(slot * METERS + meter) {
            *place = cell;
        }
    }

    /// Takes over what `other` has and this one lacks.
    pub fn fill_from(&mut self, other: &Self) {
        for (mine, theirs) in self.cells.iter_mut().zip(&other.cells) {
            if mine.mean.is_nan() {
                *mine = *theirs;
            }
        }
    }

    /// The whole stretch as one step of the coarser grain.
    pub fn as_cell(&self, meter: usize) -> Cell {
        Cell::merge((0..self.grain.slots()).map(|slot| self.get(slot, meter)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_read_as_it_was_written_and_gaps_stay_gaps() {
        for grain in [Grain::Second, Grain::Minute, Grain::Hour] {
            let at = Time(1_767_323_045_000_006);
            let mut chunk = Chunk::empty(grain, at);
            let slot = chunk.slot(at).unwrap();
            chunk.set(slot, 3, Cell::of(1.5));
            let read = Chunk::decode(grain, chunk.start, &chunk.encode());
            assert_eq!(read.get(slot, 3), Cell::of(1.5));
            assert!(read.get(slot, 2).mean.is_nan());
            assert!(
                Chunk::decode(grain, chunk.start, b"short")
                    .get(slot, 3)
                    .mean
                    .is_nan()
            );
        }
    }

    #[test]
    fn a_minute_is_made_of_the_seconds_that_were_measured() {
        let mut chunk = Chunk::empty(Grain::Second, Time(0));
        for (slot, value) in [(0, 1.0), (1, 3.0), (59, 8.0)] {
            chunk.set(slot, 0, Cell::of(value));
        }
        assert_eq!(
            chunk.as_cell(0),
            Cell {
                mean: 4.0,
                min: 1.0,
                max: 8.0
            }
        );
        assert!(chunk.as_cell(1).mean.is_nan());
    }
}
