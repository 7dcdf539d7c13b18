mosaik::stream! {
    Secrets = String, "secrets",
    consumer require_tdx: { own_image, mrtd = "1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f" },
}

fn main() {}
