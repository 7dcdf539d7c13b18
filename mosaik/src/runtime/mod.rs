//! Time, chance and tasks: the one door through which they enter.
