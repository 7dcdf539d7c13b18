use mosaik::Schema;

#[derive(Schema)]
#[schema(name = "order")]
struct Order<T>(T);

fn main() {}
