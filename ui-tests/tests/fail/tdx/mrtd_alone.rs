mosaik::stream! {
    Secrets = String, "secrets",
    consumer require_tdx: {
        mrtd = "1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f",
    },
}

fn main() {}
