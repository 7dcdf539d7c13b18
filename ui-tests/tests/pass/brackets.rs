//! Every way to name the macro and to bracket its input.

use super::Trade;

mosaik::stream!(pub A = Trade);
mosaik::stream! { pub B = Trade }
mosaik::stream![pub C = Trade];
mosaik::declare::stream!(pub D = Trade);

mod glob {
    use super::Trade;
    use mosaik::*;

    stream!(pub E = Trade);
    declare::stream!(pub F = Trade);
}

mod module {
    use super::Trade;
    use mosaik::declare;

    declare::stream! { pub G = Trade }
}
