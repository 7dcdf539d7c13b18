use mosaik::{CollectionReader, CollectionWriter, Network};

mosaik::collection! {
    Scores = HashMap<String, u64>,
    colour: 3,
}

async fn uses(network: &Network) -> Option<u64> {
    let scores = Scores::online_writer(network).await;
    scores.insert("ann".to_owned(), 5).await.ok()?;
    let reader = Scores::reader(network);
    reader.get("ann")
}

fn main() {}
