mosaik::stream! {
    Secrets = String, "secrets",
    consumer require_tdx: { mrtd, rtmr1, rtmr2 },
}

fn main() {}
