mosaik::collection! {
    Scores: HashMap<&str, u64>, 3,
    colour: 3,
    reader history: 0,
    require_ticket: "x",
    require_tdx: { mrtd = "91eb" }
}

fn main() {}
