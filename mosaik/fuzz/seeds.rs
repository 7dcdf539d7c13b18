//! Writes inputs that decode to `corpus/<target>/`, for the fuzzer to start from: `seeds -runs=0`.
//!
//! It has the shape of a target because instrumented code links with nothing else.
#![no_main]

use std::path::Path;

libfuzzer_sys::fuzz_target!(init: write(Path::new("corpus")).expect("the corpus can be written"), |_bytes: &[u8]| {});

fn write(corpus: &Path) -> std::io::Result<()> {
    for (target, inputs) in mosaik::__fuzz::seeds() {
        let folder = corpus.join(target);
        std::fs::create_dir_all(&folder)?;
        for (index, input) in inputs.iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{index}")), input)?;
        }
    }
    Ok(())
}
