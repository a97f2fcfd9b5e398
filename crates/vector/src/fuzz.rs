//! Random bytes for what reads files, JSON and arguments: an error, or what can be written and read again.
//!
//! `FUZZ_SEED` repeats a run, `FUZZ_ROUNDS` makes it longer.

use ferrolite_sqlite::ValueRef;

use crate::codec::{Changes, State};
use crate::distance::Metric;
use crate::element::Element;
use crate::input::Shape;
use crate::nodes::GraphBlock;
use crate::options::Options;
use crate::plan;

fn number(variable: &str, otherwise: u64) -> u64 {
    let given = std::env::var(variable).ok();
    let value = given
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise);
    println!("{variable}={value}");
    value
}

/// xorshift64*
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).unwrap() % end.max(1)
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }

    /// Some bytes, changed a little, or others altogether.
    fn changed(&mut self, bytes: &[u8], also: &[&[u8]]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(6) {
            let at = self.below(bytes.len() + 1);
            match self.below(5) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, self.byte()),
                2 if !also.is_empty() => {
                    let piece = also[self.below(also.len())];
                    bytes.splice(at..at, piece.iter().copied());
                }
                3 if at < bytes.len() => {
                    bytes.remove(at);
                }
                _ if at < bytes.len() => bytes[at] = self.byte(),
                _ => {}
            }
        }
        bytes
    }
}

fn fuzz(rounds: u64, mut each: impl FnMut(&mut Random)) {
    let mut random = Random(number("FUZZ_SEED", 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    for _ in 0..number("FUZZ_ROUNDS", rounds) {
        each(&mut random);
    }
}

#[test]
fn states_and_changes() {
    let state = State {
        slots: 70_000,
        start: 69_999,
        list: 48,
        largest_norm: 1.5,
        is_rounded: true,
    };
    let changes = Changes {
        added: (0..40).map(|i| (i * 3, i64::from(i) << 30)).collect(),
        removed: vec![9, 1, 300],
        columns: vec![4, u32::MAX],
        graph: vec![0, 1],
    };
    let (state, changes) = (state.encode(), changes.encode());
    fuzz(20_000, |random| {
        if let Ok(state) = State::decode(&random.changed(&state, &[])) {
            assert_eq!(State::decode(&state.encode()), Ok(state));
        }
        let bytes = random.changed(&changes, &[&[0xff; 9], &[0x80, 0x80]]);
        if let Ok(changes) = Changes::decode(&bytes) {
            assert_eq!(Changes::decode(&changes.encode()), Ok(changes));
        }
    });
}

#[test]
fn blocks_of_the_graph() {
    let nodes = [
        Some(&[5_u32, 1][..]),
        None,
        Some(&[][..]),
        Some(&[7, 2, 3][..]),
    ];
    let bytes = GraphBlock::new(nodes.into_iter()).encode();
    fuzz(20_000, |random| {
        let bytes = random.changed(&bytes, &[&[255], &[0; 4]]);
        let Ok(block) = GraphBlock::decode(&bytes, 4, 3, 8) else {
            return;
        };
        for at in 0..5 {
            let edges = block.edges(at).unwrap_or_default();
            assert!(edges.len() <= 3 && edges.iter().all(|edge| *edge < 8));
        }
        assert_eq!(block.encode(), bytes);
    });
}

#[test]
fn vectors() {
    let pieces: [&[u8]; 12] = [
        b"1e999",
        b"-0",
        b"1e-400",
        b"0.1e",
        b"[",
        b"]",
        b",",
        b" \t\n",
        b"null",
        b"9999999999999999999999",
        b"NaN",
        b"\xff",
    ];
    fuzz(20_000, |random| {
        let (element, metric, dimension) = [
            (Element::F32, Metric::Cosine, 3),
            (Element::F16, Metric::Euclidean, 3),
            (Element::Int8, Metric::Dot, 4),
            (Element::Bit, Metric::Hamming, 8),
        ][random.below(4)];
        let shape = Shape {
            element,
            dimension,
            metric,
        };
        let text = random.changed(b"[0.25, -1, 2e1]", &pieces);
        let blob = random.changed(&[0; 12], &[&[0xff; 4], &[0x7f, 0xc0]]);
        for value in [ValueRef::Text(&text), ValueRef::Blob(&blob)] {
            let Ok(bytes) = shape.read(value) else {
                continue;
            };
            assert_eq!(bytes.len(), element.bytes(dimension));
            assert_eq!(
                shape.read(ValueRef::Blob(&bytes)).ok().as_ref(),
                Some(&bytes)
            );
            let json = crate::input::to_json(element, &bytes);
            assert_eq!(
                shape.read(ValueRef::Text(json.as_bytes())).ok(),
                Some(bytes),
                "{json}"
            );
        }
    });
}

#[test]
fn arguments_of_create() {
    let pieces: [&[u8]; 16] = [
        b"dimension=",
        b"99999999999",
        b"metric=dot",
        b"element=bit",
        b"recall=nan",
        b"recall=0.5",
        b"INDEXED",
        b"TEXT",
        b"\"",
        b"'",
        b"=",
        b"pruning_alpha=1e400",
        b"max_degree=-1",
        b"k INTEGER",
        b"\xc3",
        b"search_list_size=0",
    ];
    fuzz(20_000, |random| {
        let arguments: Vec<Vec<u8>> = [
            &b"dimension=3"[..],
            b"lang TEXT",
            b"tenant INTEGER INDEXED",
            b"recall=0.9",
        ]
        .into_iter()
        .map(|argument| {
            if random.below(2) == 0 {
                argument.to_vec()
            } else {
                random.changed(argument, &pieces)
            }
        })
        .collect();
        let arguments: Vec<&[u8]> = arguments.iter().map(Vec::as_slice).collect();
        let Ok(options) = Options::parse(&arguments) else {
            return;
        };
        assert!(options.stride() > 0);
        let text = options.to_text();
        let again = Options::from_text(&text)
            .ok()
            .map(|options| options.to_text());
        assert_eq!(again.as_deref(), Some(text.as_str()), "{arguments:?}");
        // What the planner leaves for a scan is text too.
        let _ = plan::terms(&random.changed(text.as_bytes(), &pieces));
    });
}
