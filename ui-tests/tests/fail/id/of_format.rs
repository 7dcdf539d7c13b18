use mosaik::*;

fn main() {
    let region = "eu";
    let _ = unique_id!(format!("trades.{region}"));
}
