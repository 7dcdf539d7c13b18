//! Programs that show mosaik at work.
