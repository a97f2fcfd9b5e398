//! Where walks start: the slot nearest to the mean.

use super::prune::mix;
use super::Space;

/// Slots that the mean is taken of, and the nearest to it: more change neither by much.
const SAMPLE: usize = 8192;

/// The slot nearest to the mean of all. None, if there is none.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // counts; a remainder
pub(super) fn middle<S: Space>(space: &S, slots: &[u32]) -> Option<u32> {
    let sample: Vec<u32> = if slots.len() <= SAMPLE {
        slots.to_vec()
    } else {
        (0..SAMPLE)
            .map(|i| slots[(mix(i as u64) % slots.len() as u64) as usize])
            .collect()
    };
    let mut mean: Vec<f64> = Vec::new();
    for &slot in &sample {
        if mean.is_empty() {
            mean.extend(space.numbers(slot));
        } else {
            mean.iter_mut()
                .zip(space.numbers(slot))
                .for_each(|(sum, number)| *sum += number);
        }
    }
    for sum in &mut mean {
        *sum /= sample.len() as f64;
    }
    let off = |slot: u32| -> f64 {
        space
            .numbers(slot)
            .zip(&mean)
            .map(|(number, mean)| (number - mean).powi(2))
            .sum()
    };
    sample
        .into_iter()
        .map(|slot| (off(slot), slot))
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map(|m| m.1)
}
