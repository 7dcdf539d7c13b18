//! Requirements add up; of other keys the last one counts, and the compiler warns.

use super::Trade;
use mosaik::*;

stream!(pub Strict = Trade, require: |_| true, require: |_| false, consumer require: |_| true);

mod replaced {
    #![expect(deprecated, reason = "this is how the macro warns")]

    use super::*;

    stream!(pub Last = Trade, buffer_size: 8, buffer_size: 16, online_when: |c| c, online_when: |c| c);
}

// One value for both sides, and a particular one for one of them: nothing is lost.
stream!(pub Particular = Trade, online_when: |c| c, producer online_when: |c| c.minimum_of(2));
