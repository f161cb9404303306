//! The rules of Warifu: pure functions of values, no I/O, no clock, no randomness of its own.
