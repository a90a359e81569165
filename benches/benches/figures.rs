//! The paper's figures 5 and 6 drawn again from what is measured here: the average time to make a
//! proof, and to check one, against the number of records that come at once.
//!
//! Making: the tree of n leaves and the path of each, over n. Checking: one by one, at most 4,096
//! paths spread over the tree. CPU time of the process, contenders in turn, median over rounds.
//! Writes `benches/figures/*.svg` and prints the same numbers as Markdown.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench prints, computes means, and should stop where something is wrong"
)]

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use rs_merkle::Hasher as _;
use rustix::time::{ClockId, clock_gettime};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use vitalwitness_proof::merkle::{Hash, Tree, leaf_hash_of, root_from_path};

const NAMES: [&str; 3] = ["ours", "ct-merkle 0.3", "rs_merkle 1.5"];
const SIZES: [usize; 10] = [
    1, 10, 100, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000,
];

/// Nanoseconds a record, by size and contender.
type Series = Vec<[f64; NAMES.len()]>;

fn main() {
    let (mut making, mut checking): (Series, Series) = Default::default();
    for size in SIZES {
        let leaves: Vec<Hash> = (0..size as u64)
            .map(|number| Sha256::digest(number.to_be_bytes()).into())
            .collect();
        making.push(make(&leaves));
        checking.push(check(&leaves));
    }
    show(
        "figure 5 again: average time to make a proof",
        "making.svg",
        &making,
    );
    show(
        "figure 6 again: average time to check a proof",
        "checking.svg",
        &checking,
    );
}

fn make(leaves: &[Hash]) -> [f64; 3] {
    let size = leaves.len();
    let mut path = [[0; 32]; 64];
    rounds(
        size,
        size,
        [
            &mut || {
                let tree = Tree::of_leaves(leaves);
                for index in 0..size {
                    for (to, from) in path.iter_mut().zip(tree.path(index).unwrap()) {
                        *to = *from;
                    }
                    black_box(&path);
                }
                black_box(tree.root());
            },
            &mut || {
                let tree = ct_tree(leaves);
                black_box(tree.root());
                for index in 0..size {
                    black_box(tree.prove_inclusion(index));
                }
            },
            &mut || {
                let tree = rs_tree(leaves);
                black_box(tree.root());
                for index in 0..size {
                    black_box(tree.proof(&[index]));
                }
            },
        ],
    )
}

fn check(leaves: &[Hash]) -> [f64; 3] {
    let size = leaves.len();
    let chosen: Vec<usize> = (0..size.min(4_096))
        .map(|number| number * size / size.min(4_096))
        .collect();
    let ours = Tree::of_leaves(leaves);
    let (root, wide) = (ours.root(), size as u64);
    let paths: Vec<Vec<Hash>> = chosen
        .iter()
        .map(|index| ours.path(*index).unwrap().copied().collect())
        .collect();
    let ct = ct_tree(leaves);
    let ct_root = ct.root();
    let ct_proofs: Vec<_> = chosen.iter().map(|at| ct.prove_inclusion(*at)).collect();
    let rs = rs_tree(leaves);
    let rs_root = rs.root().unwrap();
    let rs_proofs: Vec<_> = chosen.iter().map(|at| rs.proof(&[*at])).collect();
    rounds(
        size,
        chosen.len(),
        [
            &mut || {
                for (index, path) in chosen.iter().zip(&paths) {
                    let leaf = leaf_hash_of(&leaves[*index]);
                    let reached = root_from_path(&leaf, *index as u64, wide, path);
                    assert_eq!(reached, Ok(root));
                }
            },
            &mut || {
                for (index, proof) in chosen.iter().zip(&ct_proofs) {
                    let verdict = ct_root.verify_inclusion(&leaves[*index], *index as u64, proof);
                    assert!(verdict.is_ok());
                }
            },
            &mut || {
                for (index, proof) in chosen.iter().zip(&rs_proofs) {
                    let leaf = RsHasher::hash(&leaves[*index]);
                    assert!(proof.verify(rs_root, &[*index], &[leaf], size));
                }
            },
        ],
    )
}

/// Median nanoseconds an item, the first round left out.
fn rounds(size: usize, items: usize, mut contenders: [&mut dyn FnMut(); 3]) -> [f64; 3] {
    let count = if size > 50_000 { 5 } else { 15 };
    let repeat = 2_000_usize.div_ceil(items);
    let mut times: [Vec<f64>; 3] = Default::default();
    for round in 0..=count {
        for (run, times) in contenders.iter_mut().zip(&mut times) {
            let start = cpu_ns();
            for _ in 0..repeat {
                run();
            }
            if round > 0 {
                times.push((cpu_ns() - start) as f64 / (items * repeat) as f64);
            }
        }
    }
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    })
}

fn show(title: &str, file: &str, series: &Series) {
    println!(
        "\n## {title}\n\n| records at once | {} |\n|---|---|---|---|",
        NAMES.join(" | ")
    );
    for (size, row) in SIZES.iter().zip(series) {
        println!(
            "| {size} | {:.0} ns | {:.0} ns | {:.0} ns |",
            row[0], row[1], row[2]
        );
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("figures");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(file), draw(title, series)).unwrap();
}

/// Both axes logarithmic: records at once from 1 to 10^6, nanoseconds from 10 to 10,000.
fn draw(title: &str, series: &Series) -> String {
    let (left, top, wide, high) = (72.0, 56.0, 560.0, 300.0);
    let x = |size: f64| left + size.log10() / 6.0 * wide;
    let y = |ns: f64| top + high - (ns.log10() - 1.0) / 3.0 * high;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 800 430\" role=\"img\" \
         aria-label=\"{title}\">\n<style>text{{font:14px system-ui,sans-serif;fill:#1d2b2a}}\
         .grid{{stroke:#d5dedc}}polyline{{fill:none;stroke-width:2.5}}.a{{stroke:#0b6e63}}\
         .b{{stroke:#b25e09;stroke-dasharray:7 4}}.c{{stroke:#5b5fc7;stroke-dasharray:2 4}}\
         rect{{fill:#fff}}@media(prefers-color-scheme:dark){{text{{fill:#e4ecea}}\
         .grid{{stroke:#38443f}}rect{{fill:#121a18}}.a{{stroke:#4fc3b1}}.b{{stroke:#f0a860}}\
         .c{{stroke:#a5a8f5}}}}</style>\n<rect width=\"800\" height=\"430\"/>\n\
         <text x=\"{left}\" y=\"26\" font-weight=\"600\">{title}</text>\n\
         <text x=\"{left}\" y=\"46\">nanoseconds a record</text>\n"
    );
    for power in 1..=4 {
        let (at, label) = (y(10_f64.powi(power)), 10_u64.pow(power.unsigned_abs()));
        writeln!(
            svg,
            "<line class=\"grid\" x1=\"{left}\" x2=\"{:.0}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            left + wide,
            left - 8.0,
            at + 5.0
        )
        .unwrap();
    }
    for power in 0..=6 {
        let label = 10_u64.pow(power);
        writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>",
            x(label as f64),
            top + high + 22.0
        )
        .unwrap();
    }
    writeln!(
        svg,
        "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">records at once</text>",
        left + wide / 2.0,
        top + high + 48.0
    )
    .unwrap();
    // labels stand at the ends of their lines, at least a line's height apart
    let last = series.last().unwrap();
    let mut order = [0, 1, 2];
    order.sort_by(|one, two| last[*two].total_cmp(&last[*one]));
    let mut above = 0.0;
    for number in order {
        let points: Vec<String> = SIZES
            .iter()
            .zip(series)
            .map(|(size, row)| format!("{:.1},{:.1}", x(*size as f64), y(row[number])))
            .collect();
        let label = (y(last[number]) + 5.0).max(above + 18.0);
        above = label;
        writeln!(
            svg,
            "<polyline class=\"{}\" points=\"{}\"/><text x=\"{:.0}\" y=\"{label:.1}\">{}, {:.0} ns</text>",
            ["a", "b", "c"][number],
            points.join(" "),
            left + wide + 8.0,
            NAMES[number],
            last[number]
        )
        .unwrap();
    }
    svg + "</svg>\n"
}

fn ct_tree(leaves: &[Hash]) -> MemoryBackedTree<Sha256, Hash> {
    let mut tree = MemoryBackedTree::new();
    for leaf in leaves {
        tree.push(*leaf);
    }
    tree
}

fn rs_tree(leaves: &[Hash]) -> rs_merkle::MerkleTree<RsHasher> {
    let hashed: Vec<Hash> = leaves.iter().map(|leaf| RsHasher::hash(leaf)).collect();
    rs_merkle::MerkleTree::from_leaves(&hashed)
}

#[derive(Clone)]
struct RsHasher;

impl rs_merkle::Hasher for RsHasher {
    type Hash = Hash;

    fn hash(bytes: &[u8]) -> Hash {
        Sha256::digest(bytes).into()
    }
}

fn cpu_ns() -> i64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}
