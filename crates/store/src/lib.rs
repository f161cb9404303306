//! All SQL of Warifu.
