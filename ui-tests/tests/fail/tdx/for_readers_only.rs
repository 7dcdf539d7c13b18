use mosaik::collections::Map;

mosaik::collection! {
    Secrets = Map<String, u64>, "secrets",
    reader require_tdx: { own_image },
}

fn main() {}
