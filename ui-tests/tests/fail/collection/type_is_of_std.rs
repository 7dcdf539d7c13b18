mosaik::collection! {
    Scores = std::vec::Vec<u64>, "scores"
}

fn main() {}
