//! Blocks of the graph: which slots each slot leads to.

use crate::codec::Malformed;

const VERSION: u8 = 1;
const NOT_LINKED: u8 = 255;

/// The edges of some slots.
#[derive(Debug, Clone)]
pub(crate) struct GraphBlock {
    counts: Box<[u8]>,
    /// Where the edges of each slot begin.
    starts: Box<[u32]>,
    edges: Box<[u32]>,
}

impl GraphBlock {
    fn from_counts(counts: Box<[u8]>, edges: Box<[u32]>) -> Self {
        let mut end = 0;
        let starts = counts.iter().map(|count| {
            let start = end;
            end += if *count == NOT_LINKED {
                0
            } else {
                u32::from(*count)
            };
            start
        });
        Self {
            starts: starts.collect(),
            counts,
            edges,
        }
    }

    /// A block of slots, each with its edges or not linked.
    pub(crate) fn new<'a>(nodes: impl Iterator<Item = Option<&'a [u32]>>) -> Self {
        let (mut counts, mut edges) = (Vec::new(), Vec::new());
        for node in nodes {
            counts.push(node.map_or(NOT_LINKED, |node| {
                u8::try_from(node.len()).unwrap_or(NOT_LINKED)
            }));
            edges.extend_from_slice(node.unwrap_or_default());
        }
        Self::from_counts(counts.into(), edges.into())
    }

    /// The edges of a slot; `None` if it is not linked.
    #[inline]
    pub(crate) fn edges(&self, at: usize) -> Option<&[u32]> {
        let count = *self.counts.get(at)?;
        if count == NOT_LINKED {
            return None;
        }
        let start = *self.starts.get(at)? as usize;
        self.edges.get(start..start + usize::from(count))
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let nodes = u16::try_from(self.counts.len()).unwrap_or(u16::MAX);
        let mut bytes = vec![VERSION, 0];
        bytes.extend(nodes.to_le_bytes());
        bytes.extend_from_slice(&self.counts);
        bytes.extend(self.edges.iter().flat_map(|edge| edge.to_le_bytes()));
        bytes
    }

    /// Reads a block of `nodes` slots that have up to `degree` edges, each to a slot below `slots`.
    pub(crate) fn decode(
        bytes: &[u8],
        nodes: u32,
        degree: u32,
        slots: u32,
    ) -> Result<Self, Malformed> {
        let (head, rest) = bytes.split_first_chunk::<4>().ok_or(Malformed)?;
        let count = u16::from_le_bytes([head[2], head[3]]);
        if head[..2] != [VERSION, 0] || u32::from(count) != nodes {
            return Err(Malformed);
        }
        let (counts, rest) = rest.split_at_checked(usize::from(count)).ok_or(Malformed)?;
        let of = |count: &u8| {
            if *count == NOT_LINKED {
                0
            } else {
                u32::from(*count)
            }
        };
        let (edges, odd) = rest.as_chunks::<4>();
        let total: usize = counts.iter().map(|count| of(count) as usize).sum();
        if counts.iter().any(|count| of(count) > degree) || !odd.is_empty() || total != edges.len()
        {
            return Err(Malformed);
        }
        let edges: Box<[u32]> = edges.iter().map(|edge| u32::from_le_bytes(*edge)).collect();
        if edges.iter().any(|edge| *edge >= slots) {
            return Err(Malformed);
        }
        Ok(Self::from_counts(counts.into(), edges))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_survive_the_file() {
        let nodes = [Some(&[5_u32, 1][..]), None, Some(&[][..]), Some(&[7][..])];
        let block = GraphBlock::new(nodes.into_iter());
        let bytes = block.encode();
        let again = GraphBlock::decode(&bytes, 4, 2, 8).unwrap();
        for (at, node) in nodes.into_iter().enumerate() {
            assert_eq!(again.edges(at), node);
        }
        assert_eq!(again.edges(4), None);
        assert!(GraphBlock::decode(&bytes, 4, 1, 8).is_err());
        assert!(GraphBlock::decode(&bytes, 4, 2, 7).is_err());
        assert!(GraphBlock::decode(&bytes, 3, 2, 8).is_err());
        for end in 0..bytes.len() {
            assert!(GraphBlock::decode(&bytes[..end], 4, 2, 8).is_err());
        }
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let _ = GraphBlock::decode(&bytes, 4, 2, 8);
        }
    }
}
